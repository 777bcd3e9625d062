"""Attempts are grouped so that each statement has a job at most once, and no more often than that."""

import factories as make

from artistjobs.store.queries.rows import of_different_jobs


def test_attempts_are_grouped_in_their_order_with_each_job_once_in_a_group():
    jobs = (1, 2, 1, 3, 2, 2, 1)
    attempts = [make.make_attempt(make.make_claim(job=job, attempt=n)) for n, job in enumerate(jobs)]

    groups = of_different_jobs(attempts)

    assert [[attempt.claim.job for attempt in group] for group in groups] == [[1, 2], [1, 3, 2], [2, 1]]
    assert [attempt for group in groups for attempt in group] == attempts
    assert of_different_jobs([]) == []
