# Rules of tests/integration/: Criterion programs over the harness, and what is about a shell or about documents.
include tests/integration/harness.mk
include tests/integration/poold.mk
include tests/integration/control.mk
include tests/integration/run.mk

check_PROGRAMS += $(INTEGRATION_TESTS)
TESTS += $(INTEGRATION_TESTS)
