/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a job message that come from the workflow file (spec job-execution 1.7, 1.8, 1.10): steps,
 * environment, defaults, outputs, containers. Pure; whoever sends the message adds plan, timeline, endpoints,
 * variables and contextData. */
#ifndef ACTIONS_MESSAGE_H
#define ACTIONS_MESSAGE_H

#include "actions/plan.h"

/* Sets in the object `into`: "steps" (each with a fresh id), "environmentVariables", "defaults", "jobOutputs",
 * "jobContainer", "jobServiceContainers", "snapshot", "actionsEnvironment".
 *
 * leg         a job with steps, not one that calls a workflow.
 * file        1-based index of the leg's workflow file in the message's fileTable.
 * Fails with  FAIL_UNSUPPORTED  "file:line:col: ..." when the job needs a feature that cannot run yet */
MUST_USE int message_job_parts(const struct plan_leg *leg, unsigned file, json_t *into,
                               struct err *e);

#endif
