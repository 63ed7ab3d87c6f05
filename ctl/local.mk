# shadowctl: main, the table of verbs, one file per verb.
bin_PROGRAMS += ctl/shadowctl
ctl_shadowctl_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_CFLAGS) $(JANSSON_CFLAGS) -DLIBEXECDIR='"$(libexecdir)"'
ctl_shadowctl_SOURCES = \
	ctl/cmd-cache.c \
	ctl/cmd-completion.c \
	ctl/cmd-flush.c \
	ctl/cmd-help.c \
	ctl/cmd-list.c \
	ctl/cmd-pool.c \
	ctl/cmd-replay.c \
	ctl/cmd-run.c \
	ctl/cmd-screen.c \
	ctl/cmd-show.c \
	ctl/cmd-start.c \
	ctl/cmd-stats.c \
	ctl/cmd-stop.c \
	ctl/cmd-trace.c \
	ctl/cmd-verify.c \
	ctl/cmd-version.c \
	ctl/cmd-wait.c \
	ctl/cmd-walk.c \
	ctl/cmd.h \
	ctl/cmd_call.c ctl/cmd_call.h \
	ctl/cmd_table.c ctl/cmd_table.h \
	ctl/daemon.c ctl/daemon.h \
	ctl/main.c \
	ctl/options.c \
	ctl/output.c \
	ctl/preflight.c \
	ctl/replay_diff.c ctl/replay_diff.h \
	ctl/run.h \
	ctl/run_child.c \
	ctl/run_dir.c \
	ctl/run_result.c \
	ctl/run_vm.c \
	ctl/durations.c ctl/durations.h ctl/stats_file.c ctl/stats_file.h \
	ctl/usage.c \
	ctl/vm_config.c ctl/vm_config.h \
	ctl/vm_info.c ctl/vm_info.h \
	ctl/vm_request.c ctl/vm_request.h
# replay links the pool and the trace, nothing of the daemon
ctl_shadowctl_LDADD = $(TRACE_LIBS) $(POOL_LIBS) common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(JANSSON_LIBS)

# The completion script is what the program says of itself.
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = ctl/completion/shadowctl
CLEANFILES += ctl/completion/shadowctl
ctl/completion/shadowctl: ctl/shadowctl
	$(AM_V_GEN)$(MKDIR_P) ctl/completion && ctl/shadowctl completion bash >$@.tmp && mv $@.tmp $@
EXTRA_DIST += doc/control.md
