"""The report and ``browse`` in a real browser; skipped without Chromium."""

import pytest
from devtools import CHROMIUM, browser_tab
from factories import claim, fail, ingest, make_answer, make_attempt, settle
from test_browse import browsing, needs_extra
from test_report import HOSTILE, NOON

from artistjobs.report import make_report
from artistjobs.store.sqlite.store import open_store

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture
def database(folder):
    """A database in which every name, value and answer contains hostile markup."""
    with open_store(folder / "artistjobs.db", create=True) as store:
        store.queue.register()
        rows = [text.replace("\ud800", "") for text in HOSTILE]
        ingest(store, *[(f"{text[:40]} {number}", text) for number, text in enumerate(rows)])
        fail(store, HOSTILE[0])
        for number, (claimed, text) in enumerate(zip(claim(store, 50), HOSTILE[1:], strict=True)):
            times = {"started_at": NOON + number * 900, "ended_at": NOON + number * 900 + 3}
            settle(store, make_attempt(claimed, answer=make_answer(text, model=text[:60]), **times))
        # Spread over hours, so that there are charts.
        store._connection.db.conn.execute(
            "UPDATE workers SET started_at = (SELECT min(started_at) FROM attempts),"
            " seen_at = (SELECT max(ended_at) FROM attempts)"
        )
        yield store


async def test_a_report_with_hostile_content_runs_no_script_and_sends_no_request(database, folder, tmp_path):
    page = tmp_path / "report.html"
    page.write_bytes(make_report(database, NOON))

    async with browser_tab(tmp_path) as tab:
        # An alert would block the page.
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source="window.alert = n => console.log('ran', n)")
        await tab.open(page.as_uri())
        assert await tab.eval("document.title") == "artistjobs.db: artistjobs report"
        assert await tab.eval("document.querySelectorAll('script').length") == 1
        total = await tab.eval("document.querySelectorAll('#rows > li').length")

        await tab.eval(
            "const field = document.getElementById('wanted'); field.value = 'onerror=ALERT';"
            "field.dispatchEvent(new Event('input', {bubbles: true}))"
        )

        shown = await tab.eval("[...document.querySelectorAll('#rows > li')].filter(row => row.offsetHeight).length")
        assert 0 < shown < total
        assert await tab.eval("document.getElementById('found').textContent") == f"{shown} of {total} shown"
        asked = [address for address in tab.asked if not address.startswith("data:")]
        assert asked == [page.as_uri()]
        assert tab.said == []
        # Markup that is inserted later is not executed either.
        await tab.eval("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"alert(9)\">')")
        await tab.eval("new Promise(done => setTimeout(done, 100))")
        assert not any("ran" in said for said in tab.said)
        assert all("Content Security Policy" in said for said in tab.said), tab.said
        assert len(tab.said) >= 1


async def test_a_report_prints_nothing_on_the_console_and_fits_a_phone(database, tmp_path):
    page = tmp_path / "report.html"
    page.write_bytes(make_report(database, NOON))

    async with browser_tab(tmp_path) as tab:
        for width in (360, 1200):
            await tab.open(page.as_uri(), width)
            assert await tab.eval("document.documentElement.scrollWidth") <= width
            assert await tab.eval("[...document.querySelectorAll('.chart')].filter(c => c.clientWidth).length") == 3
        await tab.call("Emulation.setScriptExecutionDisabled", value=True)
        await tab.open(page.as_uri())
        assert await tab.eval("document.getElementById('search').offsetHeight") == 0
        assert await tab.eval("[...document.querySelectorAll('#rows > li')].every(row => row.offsetHeight)")
        assert tab.said == []


@needs_extra
async def test_the_dashboard_draws_every_chart_without_a_network(database, program, tmp_path):
    with browsing(program) as served:
        async with browser_tab(tmp_path) as tab:
            await tab.open(served.link("-/dashboards/artistjobs"))
            await tab.until("document.querySelectorAll('.dashboard-card-chart').length === 7")
            await tab.until("document.querySelectorAll('.chart-wrapper > svg').length === 3")
            await tab.until("document.querySelectorAll('.dashboard-card-chart p').length === 4")
            done = len(HOSTILE) - 1
            assert await tab.eval("document.querySelector('#chart-done p').textContent") == str(done)
            outside = [asked for asked in tab.asked if not asked.startswith((served.address, "data:", "blob:"))]
            assert outside == []
            for name in ("results", "failures", "answers"):
                # The cookie keeps the token.
                await tab.open(f"{served.address}artistjobs/{name}")
                assert await tab.eval("document.querySelectorAll('img[src=x]').length") == 0
            # Vega warns that the charts are written for its previous version.
            assert not [said for said in tab.said if "WARN" not in said]
