"""The simulated query set: no target in it, nothing shared with the survey."""

from galspec_core.mock.plan import MockConfig, make_plans
from galspec_core.mock.query import query_plans

CONFIG = MockConfig(2000, seed=1)


def test_no_lens_no_outlier_nothing_spoiled():
    plans = query_plans(CONFIG, 1500)
    assert len(plans) == 1500
    assert not {"Lens", "Outlier"} & {plan.kind for plan in plans}
    assert all(not plan.spoil and plan.repeat_of < 0 for plan in plans)
    assert {"Normal", "SF", "Composite", "Seyfert", "LINER", "LRG"} == {plan.kind for plan in plans}


def test_identifiers_and_galaxies_are_not_those_of_the_survey():
    survey, query = make_plans(CONFIG), query_plans(CONFIG, 1500)
    assert len({plan.specobjid for plan in query}) == 1500
    assert not {plan.specobjid for plan in survey} & {plan.specobjid for plan in query}
    assert not {plan.seed for plan in survey} & {plan.seed for plan in query}
    assert not {(plan.ra, plan.dec) for plan in survey} & {(plan.ra, plan.dec) for plan in query}
    assert not {(plan.plate, plan.instrument) for plan in survey} & {(plan.plate, plan.instrument) for plan in query}


def test_plates_of_a_large_set_still_fit_the_identifier():
    assert max(plan.plate for plan in query_plans(MockConfig(5000, 1), 25000)) < 2**14
