# poold's server: pure checks, sandbox, replay. What needs the process is in tests/integration.
UNIT_TESTS += tests/unit/poold/serve/test_requests
UNIT_TESTS += tests/unit/poold/serve/test_format_choice
