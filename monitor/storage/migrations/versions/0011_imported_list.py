"""What imported documents say leaves the sources' options for a list of its own."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# An element: name, attributes, text, children.
Element = list[Any]


def upgrade() -> None:
    imported = op.create_table(
        "imported_list",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    sources = sa.table(
        "source",
        sa.column("id", sa.BigInteger),
        sa.column("url", sa.Text),
        sa.column("name", sa.Text),
        sa.column("options", sa.JSON),
    )
    connection = op.get_bind()
    found = connection.execute(sa.select(sources).order_by(sources.c.id)).all()
    rows = [row for row in found if "opml" in row.options]
    if not rows:
        return
    body = zlib.compress(json.dumps(_tree(rows)).encode())
    values = {"id": 1, "body": body, "refused": [], "changed_at": 0}
    connection.execute(sa.insert(imported).values(**values))
    for row in rows:
        options = {name: value for name, value in row.options.items() if name != "opml"}
        update = sa.update(sources).where(sources.c.id == row.id)
        connection.execute(update.values(options=options))


def downgrade() -> None:
    op.drop_table("imported_list")


def _tree(rows: Any) -> Element:
    body: Element = ["body", [], "", []]
    folders: dict[tuple[str, ...], Element] = {(): body}
    attributes: dict[str, str] = {}
    head: dict[str, Element] = {}
    for row in rows:
        kept = row.options["opml"]
        for place, outline in _outlines(row, kept):
            _folder(folders, place)[3].append(outline)
        for said, elements, rest in kept.get("frames", ()):
            attributes = {**dict(said), **attributes}
            head = {**{element[0]: element for element in elements}, **head}
            for place, outline in rest:
                _folder(folders, place)[3].append(outline)
    root = [["version", "2.0"], *map(list, attributes.items())]
    return ["opml", root, "", [["head", [], "", list(head.values())], body]]


def _outlines(row: Any, kept: dict[str, Any]) -> Iterator[tuple[list[Any], Element]]:
    said = {"text": row.name, "title": row.name, **kept.get("attributes", {}), "xmlUrl": row.url}
    said = {"type": "rss", **said}
    if kept.get("html_url"):
        said["htmlUrl"] = kept["html_url"]
    for place in kept.get("places", ()):
        yield place, ["outline", place[2] or list(map(list, said.items())), "", []]


def _folder(folders: dict[tuple[str, ...], Element], place: list[Any]) -> Element:
    labels, attributes, _ = place
    folder = folders[()]
    for depth, label in enumerate(labels):
        path = tuple(labels[: depth + 1])
        if path not in folders:
            said = attributes[depth] if depth < len(attributes) else []
            folders[path] = ["outline", said or [["text", label]], "", []]
            folder[3].append(folders[path])
        folder = folders[path]
    return folder
