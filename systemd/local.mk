# Units, users and folders. The units name the programs by their installed paths.
UNITS = systemd/poold.service systemd/trapd.service
EXTRA_DIST += systemd/poold.service.in systemd/trapd.service.in systemd/shadowpool.sysusers systemd/shadowpool.tmpfiles systemd/verify
nodist_systemdsystemunit_DATA = $(UNITS)
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
nodist_sysusers_DATA = systemd/shadowpool.conf
nodist_tmpfiles_DATA = systemd/tmpfiles/shadowpool.conf
CLEANFILES += $(UNITS) $(nodist_sysusers_DATA) $(nodist_tmpfiles_DATA)

UNIT_FROM_TEMPLATE = $(AM_V_GEN)$(MKDIR_P) systemd && \
	sed 's|@DAEMONS@|$(libexecdir)|g' $(top_srcdir)/$@.in >$@.tmp && mv $@.tmp $@
systemd/poold.service: $(top_srcdir)/systemd/poold.service.in Makefile
	$(UNIT_FROM_TEMPLATE)
systemd/trapd.service: $(top_srcdir)/systemd/trapd.service.in Makefile
	$(UNIT_FROM_TEMPLATE)

systemd/shadowpool.conf: $(top_srcdir)/systemd/shadowpool.sysusers
	$(AM_V_GEN)$(MKDIR_P) systemd && cp $(top_srcdir)/systemd/shadowpool.sysusers $@
systemd/tmpfiles/shadowpool.conf: $(top_srcdir)/systemd/shadowpool.tmpfiles systemd/verify
	$(AM_V_GEN)$(MKDIR_P) systemd/tmpfiles && cp $(top_srcdir)/systemd/shadowpool.tmpfiles $@
