"""The checkers themselves, on histories whose verdict is known."""

from checkers import Operation, Transaction, bank, lists, registers


def put(value, begin, end):
    return Operation("put", value, begin, end)


def get(value, begin, end):
    return Operation("get", value, begin, end)


def cas(expected, value, done, begin, end):
    return Operation("cas", value, begin, end, expected, done)


def test_registers_that_are_linearizable():
    assert registers([put(1, 0, 10), get(1, 11, 12), put(2, 11, 20), get(1, 12, 13), get(2, 14, 15)]) is None
    assert registers([get(None, 0, 1), cas(None, 1, True, 2, 3), cas(None, 2, False, 4, 5), get(1, 6, 7)]) is None
    assert registers([put(1, 0, 1), put(2, 2, None), get(1, 3, 4), get(2, 5, 6)]) is None
    assert registers([put(1, 0, 1), put(2, 2, None), get(1, 3, 4), get(1, 5, 6)]) is None


def test_a_stale_read_is_found():
    assert registers([put(1, 0, 1), put(2, 2, 3), get(1, 4, 5)])


def test_a_read_that_goes_back_is_found():
    assert registers([put(1, 0, 1), put(2, 2, 10), get(2, 3, 4), get(1, 5, 6)])


def test_two_conditional_puts_that_both_held_are_found():
    assert registers([put(0, 0, 1), cas(0, 1, True, 2, 5), cas(0, 2, True, 2, 5)])


def test_a_lost_acknowledged_write_is_found():
    assert registers([put(1, 0, 1), get(None, 2, 3)])


def transaction(name, begin, end, appends=None, reads=None, failed=False):
    return Transaction(name, begin, end, appends or {}, reads or {}, failed)


def test_serializable_lists():
    history = [
        transaction(1, 0, 1, {"x": 1, "y": 1}),
        transaction(2, 2, 3, {"x": 2}, {"x": [1]}),
        transaction(3, 2, 6, reads={"x": [1], "y": [1]}),
        transaction(4, 7, 8, reads={"x": [1, 2], "y": [1]}),
    ]
    assert lists(history, {"x": [1, 2], "y": [1]}) == []


def test_write_skew_is_a_cycle():
    skew = [
        transaction(1, 0, 10, {"x": 1}, {"y": []}),
        transaction(2, 0, 10, {"y": 1}, {"x": []}),
        transaction(3, 11, 12, reads={"x": [1], "y": [1]}),
    ]
    assert "a cycle" in lists(skew)[0]


def test_a_fractured_read_is_a_cycle():
    fractured = [
        transaction(1, 0, 10, {"x": 1, "y": 1}),
        transaction(2, 0, 10, reads={"x": [1], "y": []}),
        transaction(3, 11, 12, reads={"x": [1], "y": [1]}),
    ]
    assert "a cycle" in lists(fractured)[0]


def test_a_read_of_the_past_is_a_cycle():
    stale = [transaction(1, 0, 1, {"x": 1}), transaction(2, 2, 3, reads={"x": []}), transaction(3, 4, 5, reads={"x": [1]})]
    assert "a cycle" in lists(stale)[0]


def test_lost_updates_aborted_reads_and_lost_writes_are_found():
    assert "neither" in lists(
        [
            transaction(1, 0, 1, {"x": 1}),
            transaction(2, 0, 1, {"x": 2}),
            transaction(3, 2, 3, reads={"x": [1]}),
            transaction(4, 2, 3, reads={"x": [2]}),
        ]
    )[0]
    failed = [transaction(1, 0, 1, {"x": 1}, failed=True), transaction(2, 0, 3, reads={"x": [1]})]
    assert "its write failed" in lists(failed)[0]
    assert "is gone" in lists([transaction(1, 0, 1, {"x": 1})], {"x": []})[0]
    assert lists([transaction(1, 0, None, {"x": 1})], {"x": []}) == []


def test_a_sum_that_is_not_kept_is_found():
    assert bank([[50, 50], [60, 40]], 100) == []
    assert bank([[50, 40]], 100)
