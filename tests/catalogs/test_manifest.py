"""The manifest in pieces: together they are the whole, and nothing of a dictionary reaches a file."""

import pyarrow as pa

from galspec_core.catalogs import manifest, role_draws
from galspec_core.catalogs.sample import draw_sample


def test_shards_and_pieces_are_the_whole(sample, monkeypatch):
    monkeypatch.setattr(manifest, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(role_draws, "ROWS_AT_ONCE", 7)
    whole = sample.manifest.table()
    assert len(list(sample.manifest.tables())) == -(-whole.num_rows // 7)
    assert pa.concat_tables(sample.manifest.tables()).equals(whole)
    shards = [sample.manifest.of_shard(number) for number in range(6)]  # the last one is none
    assert pa.concat_tables(shards).equals(whole)
    assert [set(part["shard"].to_pylist()) for part in shards] == [*({f"{i:04d}"} for i in range(5)), set()]
    pieces = list(sample.roles.tables())
    assert max(piece.num_rows for piece in pieces) == 7
    monkeypatch.undo()
    assert pa.concat_tables(pieces).equals(sample.roles.table())


def test_words_of_a_dictionary_are_written_as_text(survey, sample, tasks, make):
    selected, labels = survey
    words = {name: selected[name].dictionary_encode() for name in ("run2d", "instrument")}
    coded = selected.drop_columns([*words])
    for name, column in words.items():
        coded = coded.append_column(name, column)
    again = draw_sample(coded, labels, tasks, make["config"](), 5)
    assert again.manifest.schema == sample.manifest.schema
    assert again.manifest.table().equals(sample.manifest.table())
    assert again.roles.table().equals(sample.roles.table())
