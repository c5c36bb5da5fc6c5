"""Documentation of a feature store's registry, generated from the registry and from nothing else."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from feast import FeatureStore

from components.core.errors import FairleadError
from components.features.store import open_store

USAGE = "usage: python -m components.features.document STORE [MARKDOWN]"


def document(store: Path) -> str:
    """Describe entities, feature views, on-demand views and services of a feature store, as markdown."""
    opened = open_store(store)
    parts = ["# Feature registry", *_entities(opened), *_views(opened), *_on_demand(opened), *_services(opened)]
    return "\n".join(parts) + "\n"


def _entities(opened: FeatureStore) -> list[str]:
    rows = [
        (e.name, e.join_key, e.value_type.name, e.description, e.owner)
        for e in sorted(opened.list_entities(), key=lambda e: e.name)
    ]
    return ["", "## Entities", "", *_table(("entity", "key", "dtype", "description", "owner"), rows)]


def _views(opened: FeatureStore) -> list[str]:
    lines = ["", "## Feature views"]
    for view in sorted(opened.list_batch_feature_views(), key=lambda v: v.name):
        days = view.ttl.days if view.ttl else None
        lines += [
            "",
            f"### {view.name}",
            "",
            f"{view.description}. Entities: {', '.join(view.entities)}. Owner: {view.owner or 'not stated'}. "
            f"{f'A state is good for {days} days' if days else 'A state is good until the next'}.",
            "",
            *_tags(view.tags),
            *_table(
                ("feature", "dtype", "description"), [(f.name, str(f.dtype), f.description) for f in view.features]
            ),
        ]
    return lines


def _on_demand(opened: FeatureStore) -> list[str]:
    lines = []
    for view in sorted(opened.list_on_demand_feature_views(), key=lambda v: v.name):
        sources = sorted(view.source_feature_view_projections.values(), key=lambda p: p.name)
        reads = [f"{p.name}: {', '.join(f.name for f in p.features)}" for p in sources]
        request = [f"{s.name}: {', '.join(f.name for f in s.schema)}" for s in view.source_request_sources.values()]
        described = {k.removeprefix("describes."): v for k, v in view.tags.items() if k.startswith("describes.")}
        lines += [
            "",
            f"### {view.name} (on demand)",
            "",
            f"{view.description}. Owner: {view.owner or 'not stated'}. It reads:",
            "",
            *[f"- {line}" for line in [*reads, *request]],
            "",
            *_tags({k: v for k, v in view.tags.items() if not k.startswith("describes.")}),
            *_table(
                ("feature", "dtype", "description"),
                [(f.name, str(f.dtype), described.get(f.name, "")) for f in view.features],
            ),
        ]
    return lines


def _services(opened: FeatureStore) -> list[str]:
    lines = ["", "## Feature services"]
    for service in sorted(opened.list_feature_services(), key=lambda s: s.name):
        lines += [
            "",
            f"### {service.name}",
            "",
            f"{service.description}. Owner: {service.owner or 'not stated'}.",
            "",
            *_tags(service.tags),
            *_table(
                ("view", "features"),
                [(p.name, ", ".join(f.name for f in p.features)) for p in service.feature_view_projections],
            ),
        ]
    return lines


def _tags(tags: Mapping[str, str]) -> list[str]:
    return [*[f"- {name}: `{value}`" for name, value in sorted(tags.items())], ""] if tags else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *cells]]


def main(arguments: Sequence[str]) -> int:
    """Write the documentation of a store to a file, or to the terminal when none is named."""
    if len(arguments) not in (1, 2):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        text = document(Path(arguments[0]))
    except FairleadError as error:
        print(error, file=sys.stderr)
        return 1
    if len(arguments) == 2:
        Path(arguments[1]).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
