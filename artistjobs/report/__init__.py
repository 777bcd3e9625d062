"""HTML report of a database: one self-contained page with the summary, charts, failures and a sample of answers.

``report.py`` reads the database and writes the page. ``page_data.py`` prepares the values that the template shows,
``timeline.py``, ``axis.py`` and ``chart.py`` compute the charts, ``render.py`` and ``sanitize.py`` make safe HTML, and
``page/`` holds the template, the style and the script. The queries are in ``store``, the command in ``cli``. May import
``export``, ``store``, ``core`` and ``errors``.
"""

from artistjobs.report.report import make_report, write_report

__all__ = ["make_report", "write_report"]
