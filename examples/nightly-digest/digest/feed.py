"""The feed that readers subscribe to, as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import json
from pathlib import Path

FEED = Path("feed.json")


def publish(day: str, title: str, text: str) -> str:
    """Publish the digest of one day. The entry of that day is replaced if there is one.

    Args:
        day: the day the digest is about, as in 2026-11-22
        title: at most 80 characters
        text: Markdown
    """
    feed = json.loads(FEED.read_text(encoding="utf-8")) if FEED.exists() else _empty()
    entry = {"id": day, "date_published": f"{day}T23:59:59Z", "title": title, "content_text": text}
    others = [item for item in feed["items"] if item["id"] != day]
    feed["items"] = sorted([entry, *others], key=lambda item: item["id"], reverse=True)
    FEED.write_text(json.dumps(feed, indent=2, ensure_ascii=False), encoding="utf-8")
    return f"Published; the feed has {len(feed['items'])} entries."


def _empty() -> dict[str, object]:
    version = "https://jsonfeed.org/version/1.1"
    return {"version": version, "title": "Earthquakes of the day", "items": []}
