# How a test runs: each under a time limit, Criterion programs behind the TAP driver.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/unit/run-criterion
SH_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-limited
TEST_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-limited
EXTRA_DIST += tests/run-limited

# make t T=NAME [F=PATTERN]: build and run one test. NAME is that of a program or script, with or without "test_" and folder.
# F selects among the tests of a Criterion program: its pattern, SUITE/TEST or TEST.
t_found = $(filter $(T) %/$(T) $(foreach n,$(T) test_$(T),%/$(n) %/$(n).sh %/$(n).test),$(TESTS))
# What a script runs: the other programs of its folder, and for integration tests the daemons and guests.
t_scripts = $(filter %.sh,$(t_found))
t_programs = $(filter $(t_found) $(addsuffix %,$(dir $(t_scripts))),$(check_PROGRAMS)) \
	$(if $(filter tests/integration/%,$(t_found)),$(filter-out $(TESTS),$(filter tests/integration/%,$(check_PROGRAMS))) all-am)

.PHONY: t t-programs
t: $(BUILT_SOURCES) config.h
	@[ -n '$(t_found)' ] || { echo "make t: no test is called '$(T)'. There are:"; \
		printf '%s\n' $(notdir $(basename $(TESTS))) | sed 's/^test_//' | sort -u | tr '\n' ' ' | fold -s -w 120; echo; exit 1; } >&2
	@$(MAKE) $(AM_MAKEFLAGS) t-programs
	@rc=0; for t in $(t_found); do echo "== $$t"; case $$t in \
		*.sh) $(AM_TESTS_ENVIRONMENT) $(SH_LOG_COMPILER) $(top_srcdir)/$$t ;; \
		*.test) $(AM_TESTS_ENVIRONMENT) $(TEST_LOG_COMPILER) ./$$t ;; \
		*) $(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/run-limited ./$$t --jobs 2 $(if $(F),--filter '$(if $(findstring /,$(F)),$(F),*/$(F))') ;; \
	esac || rc=1; done; exit $$rc
t-programs: $(t_programs)
