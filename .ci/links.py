"""Whether all links of the built site lead somewhere in it, and whether it fetches nothing from elsewhere.

``python .ci/links.py FOLDER``. A link to a heading must name one that is there. Pages elsewhere are not asked.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser fetches by itself: the attributes that say from where.
FETCHED = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
}


class Page(HTMLParser):
    """The links of a page, and the places in it that a link may name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names and what it points to."""
        for name, value in attrs:
            if value and name in {"id", "name"}:
                self.anchors.add(value)
            if value and (tag, name) in FETCHED:
                self.fetched.add(value)
            if value and (tag, name) == ("a", "href"):
                self.links.add(value)


def faults(folder: Path) -> list[str]:
    """Return a line for each link that leads nowhere, and for each thing that is fetched from elsewhere."""
    pages = {path: Page(path.read_text()) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        here = path.relative_to(folder)
        for link in sorted(page.links | page.fetched):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    found.append(f"{here}: fetches {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{here}: there is no {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{here}: there is no such place: {link}")
    for sheet in folder.rglob("*.css"):
        text = sheet.read_text()
        if "url(http" in text or "url(//" in text or "@import" in text:
            found.append(f"{sheet.relative_to(folder)}: fetches from elsewhere")
    return found


if __name__ == "__main__":
    root = Path(sys.argv[1]).resolve()
    lines = faults(root)
    print("\n".join(lines) or f"all links of {len(list(root.rglob('*.html')))} pages lead somewhere")
    sys.exit(bool(lines))
