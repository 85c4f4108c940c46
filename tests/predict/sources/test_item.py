from stages.predict.sources.item import below


def test_the_name_of_a_part_says_in_which_it_is() -> None:
    assert below("", "page 3") == "page 3"
    assert below("part 2", "page 3") == "part 2, page 3"
