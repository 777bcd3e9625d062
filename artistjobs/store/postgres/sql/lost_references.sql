-- Number of rows that refer to rows that are missing, in columns that the tables do not check by themselves.
SELECT (SELECT count(*) FROM jobs WHERE NOT EXISTS (SELECT 1 FROM prompts WHERE prompts.id = jobs.prompt))
     + (SELECT count(*) FROM jobs WHERE sent_as IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM prompts WHERE prompts.id = jobs.sent_as))
     + (SELECT count(*) FROM jobs WHERE header IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM headers WHERE headers.id = jobs.header))
     + (SELECT count(*) FROM jobs WHERE claimed_by IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = jobs.claimed_by))
     + (SELECT count(*) FROM jobs WHERE answer IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM answers WHERE answers.id = jobs.answer))
     + (SELECT count(*) FROM ingest_lines WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ingest_lines.job)
            OR NOT EXISTS (SELECT 1 FROM ingests WHERE ingests.id = ingest_lines.ingest))
     + (SELECT count(*) FROM attempts WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = attempts.job)
            OR NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = attempts.worker))
     + (SELECT count(*) FROM answers WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = answers.job)
            OR NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = answers.worker)) AS orphans
