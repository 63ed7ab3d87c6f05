/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's configuration as a message, see vm_config.h. */
#include "ctl/vm_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not realpath(): a path that does not resolve is trapd's to report, under the name that the user gave. */
static char *absolute(const char *path)
{
	char *cwd, *out = NULL;

	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (cwd && asprintf(&out, "%s/%s", cwd, path) < 0)
		out = NULL;
	free(cwd);
	return out;
}

static int absolute_list(char **to, size_t *n, char *const *from, size_t count)
{
	for (*n = 0; *n < count; ++*n) {
		to[*n] = absolute(from[*n]);
		if (!to[*n])
			return -ENOMEM;
	}
	return 0;
}

int vm_config_message(struct vm_config_message *m, const struct vm_conf *conf)
{
	*m = (struct vm_config_message){ 0 };
	shadowpool__vm_config__init(&m->config);
	m->image = absolute(conf->image ? conf->image : "");
	m->modules = calloc(conf->nmodules + 1, sizeof(*m->modules));
	m->disks = calloc(conf->ndisks + 1, sizeof(*m->disks));
	if (!m->image || !m->modules || !m->disks || absolute_list(m->modules, &m->config.n_modules, conf->modules, conf->nmodules) ||
	    absolute_list(m->disks, &m->config.n_disks, conf->disks, conf->ndisks))
		return -ENOMEM;
	if (conf->initrd) {
		m->initrd = absolute(conf->initrd);
		if (!m->initrd)
			return -ENOMEM;
		m->config.initrd = m->initrd;
	}
	m->config.image = m->image;
	m->config.modules = m->modules;
	m->config.disks = m->disks;
	if (conf->cmdline)
		m->config.cmdline = conf->cmdline;
	m->config.mem_bytes = conf->mem;
	m->config.vcpus = (uint32_t)conf->vcpus;
	m->config.pool_bytes = conf->pool;
	m->config.pool_pages = (uint32_t)conf->pool_pages;
	m->config.interrupt_flag = (uint32_t)conf->interrupt_flag;
	m->config.emulate = (uint32_t)conf->emulate;
	m->config.time = (uint32_t)conf->time;
	m->config.audit = (uint32_t)conf->audit;
	m->config.poison = conf->poison;
	return 0;
}

void vm_config_message_free(struct vm_config_message *m)
{
	size_t i;

	for (i = 0; m->modules && i < m->config.n_modules; i++)
		free(m->modules[i]);
	for (i = 0; m->disks && i < m->config.n_disks; i++)
		free(m->disks[i]);
	free(m->modules);
	free(m->disks);
	free(m->initrd);
	free(m->image);
}
