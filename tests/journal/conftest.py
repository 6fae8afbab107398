import pytest

# The suite's modules are no test files by their names; their asserts are to tell as much.
pytest.register_assert_rewrite("journal.conformance")
