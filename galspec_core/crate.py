"""A result with the way it was made as an RO-Crate: a zip file that archives and other tools can read.

Follows RO-Crate 1.1 and the profile Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5): one CreateAction
a job, with the software that ran and the files it read and wrote.
"""

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from galspec_core.errors import ProvenanceError
from galspec_core.files import replace
from galspec_core.lineage import trace
from galspec_core.record import record_path

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"  # where sha256 is defined
SOFTWARE = "SoftwareApplication"


def write_crate(path, out):
    """Write the result at ``path``, its record and all it was made from to the zip file ``out``.

    The result and the records are inside; other files, often many gigabytes, are named with checksum and size.
    Raises ProvenanceError if the result has no record or has changed since.
    """
    lineage = trace(path)
    if lineage.changed:
        remedy = "Make it again by the workflow, then export it"
        raise ProvenanceError("the file has changed since it was recorded", item=path, remedy=remedy)
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(TERMS)
    _describe_root(crate, lineage)
    entities = {name: _add_file(crate, lineage, name) for name in [*lineage.records, *lineage.unrecorded]}
    programs = {}
    for files in _jobs(lineage).values():
        _add_job(crate, lineage, files, entities, programs)
    crate.root_dataset["mainEntity"] = entities[lineage.result]
    crate.root_dataset["mentions"] = crate.get_by_type("CreateAction")
    with replace(out) as temporary:
        crate.write_zip(temporary)


def _describe_root(crate, lineage):
    record = lineage.records[lineage.result]
    crate.name = f"{lineage.result} by GalSpec {record.galspec['version']}"
    crate.description = "A result of GalSpec with every job that led to it, and the checksums of all files on the way"
    crate.root_dataset["datePublished"] = record.finished
    properties = {"@type": ["CreativeWork", "Profile"], "name": "Process Run Crate", "version": "0.5"}
    crate.root_dataset["conformsTo"] = crate.add(ContextEntity(crate, PROFILE, properties=properties))


def _add_file(crate, lineage, name):
    """Add one file and its record; the bytes of the result alone come along."""
    facts = {"name": name, "sha256": lineage.unrecorded.get(name)}
    if name in lineage.records:
        record = lineage.records[name]
        facts |= {"sha256": record.sha256, "contentSize": str(record.bytes), "dateModified": record.finished}
        about = {"name": f"record of {name}", "encodingFormat": "application/json"}
        beside = record_path(lineage.folder / name)
        facts["subjectOf"] = crate.add_file(beside, f"records/{name.lstrip('/')}.json", properties=about)
    if name == lineage.result:
        return crate.add_file(lineage.folder / name, name, properties=facts)
    return crate.add(ContextEntity(crate, f"#{name}", properties={"@type": "CreativeWork", **facts}))


def _jobs(lineage):
    """Return {(rule, wildcards, start): files} of all jobs on the way."""
    jobs = {}
    for name, record in lineage.records.items():
        jobs.setdefault((record.rule, str(record.wildcards), record.started), []).append(name)
    return jobs


def _add_job(crate, lineage, files, entities, programs):
    """Add one job as a CreateAction."""
    record = lineage.records[files[0]]
    label = " ".join([record.rule, *map(str, record.wildcards.values())])
    crate.add_action(
        _program(crate, record, programs),
        identifier=f"#job/{label.replace(' ', '/')}/{record.started}",
        object=[entities[name] for name in record.inputs],
        result=[entities[name] for name in files],
        properties={"name": label, "startTime": record.started, "endTime": record.finished},
    )


def _program(crate, record, programs):
    """Return the software of a rule, with the packages it needs; each is added once."""
    version = "+".join([record.galspec["version"], record.galspec["code"]])
    if (record.rule, version) not in programs:
        needs = [_package(crate, name, version, programs) for name, version in record.packages.items()]
        facts = {"@type": SOFTWARE, "name": f"GalSpec, rule {record.rule}", "softwareVersion": version}
        facts |= {"softwareRequirements": needs, "identifier": record.galspec.get("commit")}
        facts = {key: value for key, value in facts.items() if value is not None}
        entity = ContextEntity(crate, f"#program/{record.rule}/{version}", properties=facts)
        programs[record.rule, version] = crate.add(entity)
    return programs[record.rule, version]


def _package(crate, name, version, programs):
    if (name, version) not in programs:
        facts = {"@type": SOFTWARE, "name": name, "softwareVersion": version}
        programs[name, version] = crate.add(ContextEntity(crate, f"#package/{name}/{version}", properties=facts))
    return programs[name, version]
