# Errors put into a copy of a source, each of which a unit test must notice. Minutes, so not part of make check.
MUTANT_RULES = code daemons decode defects emulate entry fault flow formats page policy priv rmap unsync write
EXTRA_DIST += tests/mutants/run-mutants tests/mutants/run-daemons tests/mutants/rules.sh tests/mutants/groups $(MUTANT_RULES:%=tests/mutants/%.mutants)
.PHONY: check-mutants
check-mutants: all
	+CC='$(CC)' CPPFLAGS='$(CPPFLAGS) $(TEST_CFLAGS)' CFLAGS='$(CFLAGS) $(SAN_CFLAGS)' MAKE='$(MAKE)' TEST_LIBS='$(UNIT_LIBS)' \
	CRITERION_LIBS='$(CRITERION_LIBS)' $(top_srcdir)/tests/mutants/run-mutants $(top_srcdir) $(abs_top_builddir) $(foreach word,$(MUTANT),'$(word)')

# A sample of ten in daemons and shadowctl, each of which an integration test must notice. IN: a command under which the tests are run.
.PHONY: check-daemon-mutants
check-daemon-mutants: all
	+MAKE='$(MAKE)' $(top_srcdir)/tests/mutants/run-daemons $(top_srcdir) $(abs_top_builddir) $(foreach word,$(MUTANT),'$(word)')
