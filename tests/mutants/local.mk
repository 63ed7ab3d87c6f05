# Errors put back into the pool library, each of which a test must notice. Minutes, so not part of make check.
EXTRA_DIST += tests/mutants/policy.mutants
EXTRA_DIST += tests/mutants/run-mutants tests/mutants/rmap.mutants tests/mutants/entry.mutants tests/mutants/page.mutants \
	tests/mutants/write.mutants tests/mutants/unsync.mutants tests/mutants/flow.mutants \
	tests/mutants/formats.mutants tests/mutants/code.mutants
.PHONY: check-mutants
check-mutants: all
	WRITER_LIBS='$(EVENT_LIBS) $(PROTOBUF_LIBS) $(CAPSTONE_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)' \
	CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' CRITERION_LIBS='$(CRITERION_LIBS)' \
		$(top_srcdir)/tests/mutants/run-mutants $(top_srcdir) $(abs_top_builddir) '$(if $(MUTANT),$(MUTANT),*)'
