"""Roles: who serves which task, and that nobody serves both sides."""

import numpy as np
import pyarrow as pa

from galspec_core.catalogs.controls import match_controls, nearest_unused
from galspec_core.catalogs.role_draws import labelled_pool
from galspec_core.catalogs.roles import count_roles
from galspec_core.catalogs.sample import draw_sample
from galspec_core.catalogs.survey import build_survey, rarest_label
from galspec_core.catalogs.tasks import Negatives

MATCHED = {"from": "unlabelled", "match": ["z", "snr", "instrument"], "per_target": 2}


def ids(frame, **wanted):
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return set(frame["specobjid"].tolist())


def test_knowledge_base_and_test_are_redrawn_within_their_sides(make, sample):
    roles = sample.roles.table().to_pandas()
    for role, share in (("knowledge_base", 0.9), ("test", 0.8)):
        sets = [ids(roles, task="classes", role=role, seed=seed) for seed in make["config"]().seeds]
        assert sets[0] != sets[1]
        assert len(set(map(len, sets))) <= 3
        everyone = set.union(*sets)
        assert len(everyone) * share - 6 < len(sets[0]) < len(everyone)


def test_tasks_share_one_mixed_test_set_but_for_their_held_out(survey, sample):
    roles, labels = sample.roles.table().to_pandas(), survey[1].to_pandas()
    held = set(labels.loc[labels["held_out"].map(len) > 0, "specobjid"])
    for role in ("test", "knowledge_base"):
        liner, lens = (ids(roles, task=name, role=role, seed=0) for name in ("liner", "lens"))
        assert lens == liner - held
        assert ids(roles, task="classes", role=role, seed=0) == lens
    assert ids(roles, task="liner") & held  # a doubtful lens may still be a LINER


def test_held_out_lenses_are_never_negative(tasks, make, survey):
    selected, labels = survey
    held = set(labels.filter(pa.array([bool(h) for h in labels["held_out"].to_pylist()]))["specobjid"].to_pylist())
    for negatives in ({"from": "labels"}, MATCHED):
        roles = (
            draw_sample(selected, labels, {"lens": tasks["lens"] | {"negatives": negatives}}, make["config"](), 5)
            .roles.table()
            .to_pandas()
        )
        assert held
        assert not ids(roles, task="lens") & held
        assert not ids(roles, task="classes") & held


def test_labels_and_subtypes_stand_in_the_roles(survey, sample):
    roles = sample.roles.table().to_pandas()
    truth = {row["specobjid"]: ("+".join(row["labels"]), row["subtype"]) for row in survey[1].to_pylist()}
    other = roles[roles["task"] != "bpt3"]
    assert [truth.get(i, ("", "")) for i in other["specobjid"]] == list(
        zip(other["label"], other["subtype"], strict=True)
    )
    assert roles["label"].str.contains("LINER+Lens", regex=False).any()


def test_three_classes_leave_composites_and_lenses_out(survey, sample):
    three = sample.roles.table().to_pandas().query("task == 'bpt3'")
    truth = {row["specobjid"]: row["labels"] for row in survey[1].to_pylist()}
    assert set(three["label"]) == {"SF", "AGN", "Normal"}
    assert {tuple(truth[i]) for i in three["specobjid"]} == {("SF",), ("LINER",), ("Normal",)}
    counts = count_roles(sample.roles.table()).set_index(["task", "class", "role"])["n"]
    first = three.query("seed == 0 and role == 'test'")
    assert counts["bpt3", "AGN", "test"] == (first["label"] == "AGN").sum()


def test_a_spectrum_counts_for_its_rarest_label_and_no_label_passes_its_number(make, survey):
    member = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 0]], bool)
    assert rarest_label(member).tolist() == [1, 0, 2, 2, -1, 1]
    built = build_survey(*survey, make["config"]())
    pool, left = labelled_pool(built, make["config"](labelled={"SF": 20, "Normal": 0.5, "Lens": 5}))
    for name, n in (("SF", 20), ("Lens", 5)):
        own = built.rarest == built.names.index(name)
        assert (pool & own).sum() == n
        assert left[name] == own.sum() - n
    own = built.rarest == built.names.index("Normal")
    assert (pool & own).sum() == round(own.sum() / 2)
    assert not pool[built.rarest < 0].any()


def test_labelled_spectra_pretrain_first(tasks, make, survey):
    selected, labels = survey
    built = build_survey(selected, labels, make["config"]())
    pooled = set(built.specobjid[built.training & (built.rarest >= 0)].tolist())
    for extra in (-50, 40):
        n = len(pooled) + extra
        roles = draw_sample(selected, labels, tasks, make["config"](n_pretrain=n), 5).roles.table().to_pandas()
        own = ids(roles, role="pretrain") | ids(roles, role="validation")
        assert len(own) == n
        assert own <= pooled if extra < 0 else pooled <= own


def test_more_spectra_than_the_training_side_has_are_asked_for_in_vain_and_the_log_says_so(caplog, tasks, make, survey):
    there = int(build_survey(*survey, make["config"]()).training.sum())
    for n, said in ((there, False), (there + 1, True), ("all", False)):
        caplog.clear()
        roles = draw_sample(*survey, tasks, make["config"](n_pretrain=n), 5).roles.table().to_pandas()
        assert len(ids(roles, role="pretrain") | ids(roles, role="validation")) == there
        assert (f"the training side has {there}" in caplog.text) == said


def test_controls_are_matched_unlabelled_unique_and_on_their_side(make, survey):
    built = build_survey(*survey, make["config"]())
    pool = labelled_pool(built, make["config"]())[0]
    found = match_controls(built, "Lens", pool, Negatives("unlabelled", ("z", "snr", "instrument"), 2), 1)
    rows = np.concatenate(list(found.values()))
    assert len(rows) == 2 * len(found) == len(set(rows.tolist()))
    assert set(found) == set(np.flatnonzero(pool & built.has("Lens") & ~built.is_held_out("Lens")))
    assert not built.member[rows].any()
    assert not built.held_out[rows].any()
    for target, own in found.items():
        assert (built.training[own] == built.training[target]).all()
    lenses = built.position[built.has("Lens") | built.is_held_out("Lens")]
    assert not np.isin(built.position[rows], lenses).any()
    apart = np.abs(built.z[rows] - np.repeat(built.z[list(found)], 2))
    by_chance = np.abs(built.z[rows] - np.roll(np.repeat(built.z[list(found)], 2), 10))
    assert np.median(apart) < np.median(by_chance) / 3


def test_controls_join_the_manifest_and_follow_their_target(make, tasks, survey):
    matched = {"lens": tasks["lens"] | {"negatives": MATCHED}}
    got = draw_sample(*survey, matched, make["config"](n_pretrain=0), 5)
    lens = got.roles.table().to_pandas().query("task == 'lens' and seed == 1")
    for role in ("knowledge_base", "test"):
        own = lens[lens["role"] == role]
        assert (own["label"] == "").sum() == 2 * own["label"].str.contains("Lens").sum() > 0
    assert set(lens["specobjid"]) <= set(got.manifest.table()["specobjid"].to_pylist())
    pooled = survey[1].filter(pa.array([bool(own) for own in survey[1]["labels"].to_pylist()]))
    n_lenses = sum("Lens" in own for own in pooled["labels"].to_pylist())
    assert len(got.manifest) == pooled.num_rows + 2 * n_lenses  # also the controls that no seed draws
    assert count_roles(got.roles.table()).query("task == 'lens'")["class"].str.contains("unlabelled").any()


def test_the_nearest_unused_is_that_of_a_full_search():
    rng = np.random.default_rng(4)
    targets, candidates = rng.normal(size=(12, 2)), rng.normal(size=(30, 2))
    chosen, used = nearest_unused(targets, candidates, 3), np.zeros(30, bool)
    for turn in range(3):
        for i, point in enumerate(targets):
            if used.all():
                assert chosen[i, turn] == -1
                continue
            distance = np.where(used, np.inf, np.linalg.norm(candidates - point, axis=1))
            assert chosen[i, turn] == distance.argmin()
            used[distance.argmin()] = True
    assert (nearest_unused(targets, np.empty((0, 2)), 1) == -1).all()
