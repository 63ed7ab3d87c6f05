# Embedded runs of the guests, from the outside. lib.sh is what they share.
RUN_TESTS = \
	tests/integration/churn.sh \
	tests/integration/guests.sh
TESTS += $(RUN_TESTS)
EXTRA_DIST += $(RUN_TESTS) tests/integration/lib.sh
