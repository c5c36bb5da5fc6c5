"""The schema of Terraform's Google provider, read back out of the bindings that its makers generated from it.

The bindings are TypeScript classes, one for each block, inside the source maps of the JavaScript; every field stands
under a comment such as ``// project - computed: true, optional: true, required: false``.
"""

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Block = dict[str, Any]
"""A block as ``terraform providers schema -json`` writes it: ``attributes`` and ``block_types``."""

SOURCE_MAP = re.compile(r"sourceMappingURL=data:application/json;base64,(\S+)")
CLASS = re.compile(r"^export class (\w+) extends cdktf\.\w+ \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n", re.MULTILINE)
NESTED = re.compile(r'= new (\w+?)(List|OutputReference)\(this, "\w+"(?:, (true|false))?\)')
MAP = re.compile(r'= new cdktf\.(String|Number|Boolean)Map\(this, "')
READ = re.compile(r"return (?:this\.interpolationForAttribute|(cdktf\.Fn\.tolist\()?this\.get(\w+)Attribute)\(")
TOLD = re.compile(r"/\*\*\n((?:  \*[^\n]*\n)*?)  \*/\n  readonly \w+\??: ")
SIMPLE: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
}
DECLARED = re.compile(r"  private _\w+\?: (.*?)(?: \| cdktf\.IResolvable)?; ")
PLAIN: dict[str, Any] = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "string[]": ["list", "string"],
    "{ [key: string]: string }": ["map", "string"],
}


@dataclass(frozen=True)
class Field:
    """One field of a block.

    Args:
        name: as Terraform spells it.
        computed, optional, required: who sets it.
        text: the code that declares and reads it.
    """

    name: str
    computed: bool
    optional: bool
    required: bool
    text: str


def schema(bindings: Path, resources: set[str], data_sources: set[str]) -> dict[str, Any]:
    """Return the schemas of the provider and of the named resources and data sources that it has.

    Args:
        bindings: the unpacked package.
        resources, data_sources: full names, such as ``google_storage_bucket``.

    Raises:
        ValueError: a field is of a form that is not known.
    """
    lib = bindings / "lib"
    return {
        "provider": {"version": 0, "block": _read(lib / "provider")},
        "resource_schemas": _several(lib, "", resources),
        "data_source_schemas": _several(lib, "data-google-", data_sources),
    }


def _several(lib: Path, prefix: str, names: set[str]) -> dict[str, Any]:
    folders = {name: lib / (prefix + name.removeprefix("google_").replace("_", "-")) for name in sorted(names)}
    return {name: {"version": 0, "block": _read(folder)} for name, folder in folders.items() if folder.is_dir()}


def _read(folder: Path) -> Block:
    """Return the block of one resource, data source or of the provider itself."""
    scripts = [file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.js"))]
    maps = [json.loads(base64.b64decode(packed)) for script in scripts for packed in SOURCE_MAP.findall(script)]
    source = "\n".join(text for one in maps for text in one["sourcesContent"])
    classes = dict(CLASS.findall(source))
    (top,) = [name for name, body in classes.items() if "static readonly tfResourceType" in body]
    return _block(classes, top, _descriptions(source))


def _block(classes: dict[str, str], name: str, told: dict[str, str]) -> Block:
    block: Block = {"attributes": {}, "block_types": {}}
    for field in _fields(classes[name]):
        if re.match(r"  private _(alias|\w+\?: GoogleProvider)", field.text):
            continue  # Terraform's own word, and the provider's own blocks, which nothing here sets
        nested = NESTED.search(field.text)
        if nested is None:
            block["attributes"][field.name] = _attribute(field, _simple_type(name, field))
        elif field.computed:
            block["attributes"][field.name] = _attribute(field, _object_type(classes, nested))
        else:
            block["block_types"][field.name] = _nested_block(classes, field, nested, told)
        if field.name in block["attributes"]:
            key = f"{name.removesuffix('OutputReference')}#{field.name}"
            block["attributes"][field.name]["description"] = told.get(key, "")
    return block


def _fields(body: str) -> list[Field]:
    parts = FIELD.split(body)[1:]
    return [
        Field(name, computed == "true", optional == "true", required == "true", text)
        for name, computed, optional, required, text in zip(*[iter(parts)] * 5, strict=True)
    ]


def _attribute(field: Field, kind: Any) -> dict[str, Any]:
    flags = {"computed": field.computed, "optional": field.optional, "required": field.required}
    return {"type": kind, **{name: True for name, on in flags.items() if on}}


def _simple_type(owner: str, field: Field) -> Any:
    mapped = MAP.search(field.text)
    if mapped:
        return ["map", SIMPLE[mapped[1]]]
    read = READ.search(field.text)
    if read is None:
        declared = DECLARED.match(field.text)  # the provider's own fields are never read back
        if declared is None or declared[1] not in PLAIN:
            raise ValueError(f"{owner}.{field.name}: neither a simple field nor a block:\n{field.text[:200]}")
        return PLAIN[declared[1]]
    kind = SIMPLE[read[2]] if read[2] else ["map", "string"]
    return ["set", kind[1]] if read[1] else kind


def _object_type(classes: dict[str, str], nested: re.Match[str]) -> Any:
    """Return the type of a list of objects that the provider fills."""
    fields = _block(classes, nested[1] + "OutputReference", {})
    attributes = {name: said["type"] for name, said in fields["attributes"].items()}
    return ["set" if nested[3] == "true" else "list", ["object", attributes]]


def _nested_block(classes: dict[str, str], field: Field, nested: re.Match[str], told: dict[str, str]) -> Block:
    inner = classes[nested[1] + "OutputReference"]
    said: Block = {"block": _block(classes, nested[1] + "OutputReference", told)}
    if field.name == "timeouts":
        return {"nesting_mode": "single", **said}
    many = nested[2] == "List"
    is_set = nested[3] == "true" if many else "super(terraformResource, terraformAttribute, true" in inner
    limits = {"min_items": 1 if field.required else 0, "max_items": 0 if many else 1}
    return {"nesting_mode": "set" if is_set else "list", **limits, **said}


def _descriptions(source: str) -> dict[str, str]:
    """Return what the documentation says of each field, by ``Class#field``."""
    found = {}
    for interface in re.finditer(r"^export interface (\w+) .*?\{$(.*?)^\}$", source, re.MULTILINE | re.DOTALL):
        owner = re.sub("Config$", "", interface[1]) if "TerraformMetaArguments" in interface[0] else interface[1]
        for comment in TOLD.finditer(interface[2]):
            link = re.search(r"#(\w+) \w+#\w+\}", comment[1])
            if link:
                text = re.sub(r"\s*\n?\s*\*\s?", " ", comment[1].split("Docs at Terraform Registry")[0]).strip()
                found[f"{owner}#{link[1]}"] = text
    return found
