"""What a child of a protocol inherits of a section."""

from biomarker_cli.protocol.merging import merge

PARENT = {"adc": {"fit": {"method": "wls", "rounds": 3}, "floor": 1, "b": {"min": 0, "max": 9}}}


def test_another_method_inherits_none_of_the_keys_of_its_section():
    merged = merge(PARENT, {"adc": {"fit": {"method": "two_point"}}}, "child.yaml")
    assert merged["adc"] == {**PARENT["adc"], "fit": {"method": "two_point"}}


def test_the_same_method_or_none_inherits_what_it_leaves_out():
    for child in ({"method": "wls", "more": 1}, {"more": 1}):
        merged = merge(PARENT, {"adc": {"fit": child}}, "child.yaml")
        assert merged["adc"]["fit"] == {"method": "wls", "rounds": 3, "more": 1}


def test_null_unsets_what_is_inherited():
    merged = merge(PARENT, {"adc": {"floor": None, "b": {"max": None}}}, "child.yaml")
    assert merged["adc"] == {"fit": PARENT["adc"]["fit"], "b": {"min": 0}}


def test_an_id_that_is_no_text_is_left_to_the_model_to_name():
    rules = [{"id": [1], "title": "a"}]
    for parent in (rules, [{"id": "A"}]):
        assert merge({"rules": parent}, {"rules": rules}, "child.yaml")["rules"] == rules
    assert merge({"rules": rules}, {"title": "c"}, "child.yaml")["rules"] == rules
