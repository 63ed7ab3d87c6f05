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

int vm_config_message(struct vm_config_message *m, const struct vm_conf *conf)
{
	size_t i;

	*m = (struct vm_config_message){ 0 };
	shadowpool__vm_config__init(&m->config);
	m->image = absolute(conf->image ? conf->image : "");
	m->modules = calloc(conf->nmodules + 1, sizeof(*m->modules));
	if (!m->image || !m->modules)
		return -ENOMEM;
	for (i = 0; i < conf->nmodules; i++) {
		m->modules[i] = absolute(conf->modules[i]);
		if (!m->modules[i])
			return -ENOMEM;
		m->config.n_modules++;
	}
	m->config.image = m->image;
	m->config.modules = m->modules;
	if (conf->cmdline)
		m->config.cmdline = conf->cmdline;
	m->config.mem_bytes = conf->mem;
	m->config.pool_bytes = conf->pool;
	m->config.pool_pages = (uint32_t)conf->pool_pages;
	m->config.audit = (uint32_t)conf->audit;
	m->config.poison = conf->poison;
	return 0;
}

void vm_config_message_free(struct vm_config_message *m)
{
	size_t i;

	for (i = 0; m->modules && i < m->config.n_modules; i++)
		free(m->modules[i]);
	free(m->modules);
	free(m->image);
}
