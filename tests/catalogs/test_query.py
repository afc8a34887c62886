"""Query spectra: asked about and nothing else."""

import pyarrow.compute as pc

from galspec_core.catalogs.query import draw_query
from galspec_core.catalogs.sample import draw_sample

SHARDS = ["0005", "0006"]


def some(make, tasks, n=400):
    selected = make["selected"](3000, plate=9001)
    labels = make["labels"](selected, unlabelled=0.7)
    config = make["config"](n_pretrain=300)
    sample = draw_sample(selected, labels, tasks, config, 5)
    return selected, labels, config, sample, draw_query(selected, labels, sample.manifest.table(), config, n, SHARDS)


def test_query_spectra_are_of_the_test_side_and_share_no_position(make, tasks):
    _, labels, _, sample, query = some(make, tasks)
    rows, manifest, roles = query.to_pandas(), sample.manifest.table().to_pandas(), sample.roles.table().to_pandas()
    assert len(rows) == rows["specobjid"].nunique() == 400
    assert (rows["side"] == "test").all()
    assert not set(rows["position"]) & set(manifest["position"])
    assert not set(rows["specobjid"]) & (set(labels["specobjid"].to_pylist()) | set(roles["specobjid"]))
    assert set(rows["shard"]) == set(SHARDS)
    assert query.column_names == sample.manifest.table().column_names


def test_the_draw_leaves_the_sample_and_grows_by_adding(make, tasks):
    selected, labels, config, sample, query = some(make, tasks)
    again = draw_sample(selected, labels, tasks, config, 5)
    assert again.manifest.table().equals(sample.manifest.table())
    assert again.roles.table().equals(sample.roles.table())
    fewer = draw_query(selected, labels, sample.manifest.table(), config, 50, SHARDS)
    assert set(fewer["specobjid"].to_pylist()) < set(query["specobjid"].to_pylist())


def test_a_repeat_of_a_labelled_galaxy_is_never_asked(make, tasks, survey):
    selected, labels = survey
    config = make["config"](n_pretrain=0)
    sample = draw_sample(selected, labels, tasks, config, 5)
    query = draw_query(selected, labels, sample.manifest.table(), config, 10_000, SHARDS)
    ids, ra = selected["specobjid"].to_pylist(), selected["ra"].to_pylist()
    labelled = {ra[ids.index(one)] for one in labels["specobjid"].to_pylist()}
    assert query.num_rows > 0
    places = pc.index_in(query["specobjid"], selected["specobjid"]).to_pylist()
    assert not {ra[place] for place in places} & labelled
