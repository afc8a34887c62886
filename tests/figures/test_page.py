"""Pages of our own: what fills a template stays text, and is not filled again."""

import json

from galspec_core.figures.page import fill_page

EVIL = "</script><script>alert(1)</script>{{data}}"


def test_what_fills_a_template_is_neither_markup_nor_filled_again():
    page = fill_page("map", EVIL, {"word": EVIL}, n=EVIL, link=EVIL, no_link=EVIL)
    assert "alert(1)</script>" not in page.replace("<script>", "")
    data = page.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert json.loads(data) == {"word": EVIL}
    assert page.count("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{data}}") == 5
