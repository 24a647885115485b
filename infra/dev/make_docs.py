"""Writes the pages of docs/ that say what the code says: configuration, command line, messages.

`make docs` writes them, `make docs-check` (--check) fails where one is not what would be written.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).parents[2]
NOTE = "<!-- Written by `make docs` out of {source}; change it there. -->\n"


def configuration() -> str:
    """Every section and key of the configuration."""
    from pipeline.config.load import variable
    from pipeline.config.sections import Config
    from pipeline.config.shape import element, settings

    lines = [
        NOTE.format(source="pipeline/config/sections.py and stages/*/options.py"),
        "# Configuration\n",
        "A YAML file, named with `--config`. All keys are optional; `posebus config check FILE` tells every mistake",
        "with its line. A key of a section can also be set by an environment variable, which goes before the file. In",
        "texts, `${env:NAME}` and `${file:PATH}` are filled in. Paths are relative to the folder of the file.\n",
        "```yaml",
        "cameras:",
        "  gym: sim://gym?people=3",
        "  ward: {source: ward.mp4, fps: 10}",
        "database:",
        '  dsn: "postgresql://posebus:${file:password}@db/posebus"',
        "track:",
        "  lost_s: 5",
        "```\n",
        "| section | what it sets |",
        "| --- | --- |",
    ]
    sections = settings(Config)
    lines += [f"| [`{name}`](#{name}) | {_cell(section.doc)} |" for name, section in sections.items()]

    for name, section in sections.items():
        inner = element(section.kind)
        if settings(section.kind):
            lines += _tables(name, section.kind, 2, lambda key, name=name: variable(name, key))
        elif inner is not None and settings(inner):
            lines += [f"\n## `{name}`\n", section.doc, *_tables(f"{name}.NAME", inner, 3)]
        else:
            lines += [f"\n## `{name}`\n", section.doc]
    return "\n".join(lines) + "\n"


def metrics() -> str:
    """Every series that a worker shows."""
    from pipeline.metrics import GAUGES, METRICS
    from pipeline.runners.worker.health import DEAD_AFTER_S, EDGES_S
    from pipeline.runners.worker.watch import SKEW_S

    lines = [
        NOTE.format(source="pipeline/metrics.py"),
        "# Metrics\n",
        "`posebus worker ... --metrics-port 9100` (or `worker.metrics_port`) serves them on `/metrics` for Prometheus.",
        "So do `posebus run`, of recordings only with the option, and `posebus up`: its first worker on that port, the",
        "second on the next one, and so on; with `--embedded` there is one process only. Every series has the",
        "label `worker`: what the process runs, such as `track+smooth`; `run` is all of it in one process, which has",
        "no hops, lags and queues. A name ending in `_total` only grows; `_seconds` is a histogram with buckets up to",
        f"{EDGES_S[-1]:g} s; the others go up and down.\n",
        "| series | kind | what it is |",
        "| --- | --- | --- |",
        "| `posebus_worker_loop_age_seconds` | gauge | Seconds since the loop of the worker last came round. |",
    ]
    for name, text in METRICS.items():
        if name in GAUGES:
            shown, kind = f"posebus_{name}", "gauge"
        elif name.endswith("_s"):
            shown, kind = f"posebus_{name.removesuffix('_s')}_seconds", "histogram"
        else:
            shown, kind = f"posebus_{name}_total", "counter"
        lines.append(f"| `{shown}` | {kind} | {_cell(text)} |")
    lines += [
        "\n## What to watch\n",
        f"- `/healthz` answers 503 when a loop has stood still for {DEAD_AFTER_S:g} s.",
        "- `posebus_age_seconds` of the worker that runs `alert`: how old a live picture is when its alert leaves. The",
        "  same of `sink`: when its rows are in the database. Recorded sources have no age.",
        "- `posebus_hop_seconds`: time between two workers, by the header `t` that each sets when it sends; after a",
        "  crash it shows the outage too. Records read again count again.",
        f"- `posebus_clock_skews_total`: records that came {SKEW_S * 1e3:.0f} ms or more before they were sent. Let",
        "  all hosts take their time from the same server (NTP).",
        "- `posebus_lag_records`: looked at every five seconds; what is growing is too slow. `posebus lag` shows the",
        "  same for all workers at once.",
        "- `posebus_numbering_gaps_total`: has to stay 0.",
        "- `posebus_dead_letters_total`: see [dead letters](dead-letters.md).",
    ]
    return "\n".join(lines) + "\n"


def rules_file() -> str:
    """Every key of a file of rules with its tests."""
    from pipeline.config.rules import RulesFile
    from pipeline.config.shape import element, settings
    from pipeline.core.vocabulary import ANGLES, EVENT_KINDS, MEASURES, POSTURES

    lines = [
        NOTE.format(source="pipeline/config/rules.py and stages/alert"),
        "# Files of rules\n",
        "What may stand in a file of rules (`posebus rules check FILE`). [Rules](rules.md) tells what it means, with",
        "examples.\n",
        "| key | what it holds |",
        "| --- | --- |",
    ]
    lines += [f"| [`{name}`](#{name}) | {_cell(each.doc)} |" for name, each in settings(RulesFile).items()]
    for name, each in settings(RulesFile).items():
        lines += _tables(name, element(each.kind), 2)
    lines += ["\n## What conditions may name\n", "| measure | unit | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{each.name}` | {each.unit} | {_cell(each.meaning)} |" for each in MEASURES]
    for each in ANGLES:
        meaning = _cell(f"0 = {each.zero}; grows with {each.grows}")
        lines.append(f"| `{each.name}` | degrees, {each.low:g} to {each.high:g} | {meaning} |")
    lines += ["", f"Postures: {', '.join(POSTURES[1:])}. Kinds of events: {', '.join(EVENT_KINDS)}."]
    return "\n".join(lines) + "\n"


def _tables(
    title: str,
    kind: Any,
    depth: int,
    variable: Callable[[str], str] | None = None,
    told: dict[Any, str] | None = None,
) -> Iterator[str]:
    """A table of the keys of a section, then those of the sections in it, each kind of section once."""
    from pipeline.config.shape import element, settings

    below, told = settings(kind), {} if told is None else told
    told[kind] = title
    yield f"\n{'#' * depth} `{title}`\n"
    doc = inspect.getdoc(kind) if inspect.isclass(kind) else None
    if doc:
        yield doc.split("\n\n")[0].replace("\n", " ") + "\n"
    yield f"| key | what may stand there | default |{' variable |' if variable else ''} meaning |"
    yield f"| --- | --- | --- |{' --- |' if variable else ''} --- |"
    for name, each in below.items():
        cells = [f"`{name}`", _type(each), _default(each.default)]
        if variable:
            cells.append(f"`{variable(name)}`")
        yield "| " + " | ".join([*cells, _cell(each.doc)]) + " |"
    for name, each in below.items():
        for inner in (_class(kind) for kind in (each.kind, element(each.kind)) if kind and settings(kind)):
            if inner in told:
                yield f"\n`{title}.{name}` has the same keys as `{told[inner]}`."
            else:
                yield from _tables(f"{title}.{name}", inner, min(depth + 1, 6), None, told)


def command_line() -> str:
    """Every command with its arguments and options."""
    from pipeline.cli.main import app

    lines = [NOTE.format(source="pipeline/cli"), "# Command line\n"]

    def commands(command: Any, above: Any, name: str) -> Iterator[str]:
        context = type(command).context_class(command, info_name=name, parent=above)
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"\n## `{context.command_path}`\n"
        yield f"{inspect.cleandoc(command.help or '')}\n"
        yield f"```\n{context.command_path} {usage}\n```\n"
        # What completion offers depends on the shell at hand.
        parameters = [each for each in command.params if not str(each.name).endswith("_completion")]
        records = [record for each in parameters if (record := each.get_help_record(context))]
        if records:
            yield "| argument or option | meaning |"
            yield "| --- | --- |"
            yield from (f"| `{_cell(name)}` | {_cell(meaning)} |" for name, meaning in records)
        if command.epilog:
            yield f"\n{_examples(command.epilog)}"
        for below in command.list_commands(context) if hasattr(command, "list_commands") else ():
            yield from commands(command.get_command(context, below), context, below)

    lines += commands(typer.main.get_command(app), None, "posebus")
    return "\n".join(lines) + "\n"


def messages() -> str:
    """Every topic with the schema of its records, and the types that they share."""
    from pipeline.codec.schemas import schemas_folder
    from pipeline.topics import TOPICS

    folder = schemas_folder()
    lines = [
        NOTE.format(source="schemas/*.avsc and pipeline/topology.py"),
        "# Messages\n",
        "Records are Avro in single-object encoding, or with a [schema registry](kafka.md#schema-registry) in",
        "Confluent's wire format. Arrays travel as packed little-endian `bytes`; their element type",
        "and shape stand in the schema beside the type.\n",
        "| topic | schema | what a record is |",
        "| --- | --- | --- |",
    ]
    schemas = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.avsc"))}
    for topic in TOPICS.values():
        schema = schemas[topic.schema]
        lines.append(f"| `{topic.name}` | [{topic.schema}](#{schema['name'].lower()}) | {_cell(schema['doc'])} |")
    shared = [json.loads(path.read_text()) for path in sorted((folder / "types").glob("*.avsc"))]
    for definition in [*schemas.values(), *shared]:
        lines += _record(definition)
    return "\n".join(lines) + "\n"


def angles() -> str:
    """Every angle and measure of a person, how it is built, and its sign, range and zero."""
    from pipeline.core.vocabulary import ANGLES, FLEXIONS, MEASURES

    head = ["| angle | 0 is | grows with | range | built from | ISB term |", "| --- | --- | --- | --- | --- | --- |"]
    measures = [f"| `{each.name}` | {each.unit} | {_cell(each.meaning)} |" for each in MEASURES]
    tables = {
        "flexions": [*head, *_angle_rows(FLEXIONS)],
        "signed": [*head, *_angle_rows(ANGLES[len(FLEXIONS) :])],
        "measures": ["| measure | unit | meaning |", "| --- | --- | --- |", *measures],
    }
    text = (Path(__file__).parent / "angles.md").read_text()
    return (
        NOTE.format(source="pipeline/core/vocabulary.py and infra/dev/angles.md")
        + "\n"
        + text.format(**{name: "\n".join(lines) for name, lines in tables.items()})
    )


def _angle_rows(angles: Sequence[Any]) -> Iterator[str]:
    """One row an angle; left and right in one."""
    for angle in angles:
        if angle.name.startswith("right_"):
            continue
        name = f"`{angle.name}`" + (f", `{angle.name.replace('left', 'right')}`" if "left_" in angle.name else "")
        cells = (angle.zero, angle.grows, f"{angle.low:g} to {angle.high:g}", angle.built, angle.isb)
        yield f"| {name} | " + " | ".join(map(_cell, cells)) + " |"


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/configuration.md": configuration,
    "docs/angles.md": angles,
    "docs/rules-file.md": rules_file,
    "docs/cli.md": command_line,
    "docs/messages.md": messages,
    "docs/metrics.md": metrics,
}


def _record(definition: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {definition['name']}\n"
    yield definition.get("doc", "")
    inner: list[Mapping[str, Any]] = []
    if definition["type"] == "enum":
        yield "\nOne of " + ", ".join(f"`{each}`" for each in definition["symbols"]) + "."
        return
    yield "\n| field | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for field in definition["fields"]:
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        yield f"| `{field['name']}` | {_avro(field['type'], inner)} | {default} | {_cell(field.get('doc', ''))} |"
    for each in inner:
        yield from _record(each)


def _avro(kind: Any, inner: list[Mapping[str, Any]]) -> str:
    """A type in words; records and enums that it defines are added to `inner`."""
    if isinstance(kind, str):
        name = kind.rpartition(".")[2]
        return f"[{name}](#{name.lower()})" if name[:1].isupper() else name
    if isinstance(kind, Sequence):
        return " or ".join(_avro(each, inner) for each in kind)
    if kind["type"] in ("record", "enum"):
        inner.append(kind)
        return _avro(kind["name"], inner)
    if "dtype" in kind:
        return f"{kind['dtype']} [{', '.join(map(str, kind.get('shape', ())))}]"
    if kind["type"] == "array":
        return f"list of {_avro(kind['items'], inner)}"
    if kind["type"] == "map":
        return f"names to {_avro(kind['values'], inner)}"
    if kind["type"] == "fixed":
        return f"{kind['size']} bytes"
    return f"{kind['type']} ({kind['logicalType']})" if "logicalType" in kind else _avro(kind["type"], inner)


def _type(setting: Any) -> str:
    from pipeline.config.shape import settings, type_text

    if settings(setting.kind):
        return "a section, see below"
    return _cell(f"{type_text(setting.kind)}, {setting.bounds}" if setting.bounds else type_text(setting.kind))


def _class(kind: Any) -> Any:
    return next((each for each in getattr(kind, "__args__", ()) if each is not type(None)), kind)


def _default(value: Any) -> str:
    if value is dataclasses.MISSING:
        return "must be set"
    if value is None or value in ((), {}, [], ""):
        return ""
    if isinstance(value, tuple):
        return ", ".join(_default(each) for each in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if hasattr(value, "name"):
        return f"`{value.name}`"
    if isinstance(value, (str, int, float)):
        return f"`{value}`"
    return ""


def _examples(epilog: str) -> str:
    """The text after a command: lines that begin with the program are examples, each by itself."""
    lines = [line.strip() for line in inspect.cleandoc(epilog).splitlines()]
    parts: list[str] = []
    for line in lines:
        if line.startswith("posebus "):
            if parts and parts[-1].startswith("```"):
                parts[-1] = parts[-1].removesuffix("```") + f"{line}\n```"
            else:
                parts.append(f"```\n{line}\n```")
        elif line:
            parts.append(line)
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the pages, or with --check tell which differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page differs")
    check = parser.parse_args().check
    stale = 0
    for name, make in PAGES.items():
        path, wanted = ROOT / name, re.sub(r"\n{3,}", "\n\n", make())
        found = path.read_text() if path.exists() else ""
        if found == wanted:
            continue
        if check:
            stale += 1
            sys.stdout.write(f"{name} is not what the code says; run `make docs`\n")
            sys.stdout.writelines(list(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), n=0))[:20])
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted)
            sys.stdout.write(f"wrote {name}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
