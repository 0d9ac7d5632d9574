/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/managers.h"

#include <unistd.h>

#include "dbus/decision.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define ALLOW_USER_INTERACTION 1u

/* a machine answers at once; a person may have to type a password */
#define MACHINE_TIMEOUT_US UINT64_C(10000000)
#define PERSON_TIMEOUT_US  UINT64_C(120000000)

struct _AkmaManagers {
    sd_bus *bus;
    GQueue waiting; /* Question */
};

/* One call that polkit decides about. */
typedef struct {
    AkmaManagers *owner;
    sd_bus_slot *slot;
    AkmaCall *call;
    AkmaDecision decision;
    char *application;
    AkmaCallFunc func;
    gpointer user_data;
} Question;

static void
question_free(Question *question)
{
    sd_bus_slot_unref(question->slot);
    akma_call_free(question->call);
    g_free(question->application);
    g_free(question);
}

AkmaManagers *
akma_managers_new(sd_bus *bus)
{
    AkmaManagers *self = g_new0(AkmaManagers, 1);

    self->bus = sd_bus_ref(bus);
    g_queue_init(&self->waiting);

    return self;
}

void
akma_managers_free(AkmaManagers *self)
{
    if (!self)
        return;

    g_queue_clear_full(&self->waiting, (GDestroyNotify)question_free);
    sd_bus_unref(self->bus);
    g_free(self);
}

static void
allow(AkmaCall *taken, AkmaDecision *decision, AkmaCallFunc func, gpointer user_data)
{
    decision->event = AKMA_EVENT_MANAGEMENT_ALLOWED;
    akma_decision_log(taken, decision, "allowed");
    func(taken, user_data);
}

static void
refuse(AkmaCall *taken,
       AkmaDecision *decision,
       AkmaError code,
       const char *message,
       const char *result)
{
    g_autoptr(AkmaCall) call = taken;
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, message);

    decision->event = AKMA_EVENT_MANAGEMENT_REFUSED;
    akma_decision_log(call, decision, result);
    akma_call_refuse(call, error);
}

static void
deny(AkmaCall *taken, AkmaDecision *decision, const char *message)
{
    refuse(taken, decision, AKMA_ERROR_NOT_AUTHORIZED, message, "not authorized");
}

/* Only a whole answer that says so is a yes. */
static bool
says_yes(sd_bus_message *answer)
{
    int is_authorized = 0;
    int is_challenge = 0;

    if (sd_bus_message_is_method_error(answer, NULL) != 0 ||
        sd_bus_message_has_signature(answer, "(bba{ss})") <= 0 ||
        sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
        sd_bus_message_read(answer, "bb", &is_authorized, &is_challenge) < 0)
        return false;

    return is_authorized != 0;
}

static int
polkit_done(sd_bus_message *answer, void *user_data, sd_bus_error *error)
{
    Question *question = user_data;
    AkmaManagers *self = question->owner;
    AkmaCall *call = g_steal_pointer(&question->call);

    (void)error;
    g_queue_remove(&self->waiting, question);
    if (says_yes(answer))
        allow(call, &question->decision, question->func, question->user_data);
    else
        deny(call,
             &question->decision,
             "only root, the agent's own user and whom polkit allows may do this");
    question_free(question);

    return 1;
}

/* -errno. Polkit gets the name on the bus: no pid that could be another's meanwhile. */
static int
ask(Question *question, const char *action)
{
    sd_bus_message *call = akma_call_get_message(question->call);
    bool person = sd_bus_message_get_allow_interactive_authorization(call) > 0;
    sd_bus_message *message = NULL;
    sd_bus *bus = question->owner->bus;
    int r = sd_bus_message_new_method_call(
        bus, &message, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");

    if (r >= 0)
        r = sd_bus_message_append(message,
                                  "(sa{sv})sa{ss}us",
                                  "system-bus-name",
                                  1,
                                  "name",
                                  "s",
                                  sd_bus_message_get_sender(call),
                                  action,
                                  0,
                                  person ? ALLOW_USER_INTERACTION : 0,
                                  "");
    if (r >= 0)
        r = sd_bus_call_async(bus,
                              &question->slot,
                              message,
                              polkit_done,
                              question,
                              person ? PERSON_TIMEOUT_US : MACHINE_TIMEOUT_US);
    sd_bus_message_unref(message);

    return r;
}

void
akma_managers_admit(AkmaManagers *self,
                    AkmaCall *call,
                    const char *action,
                    const char *method,
                    const char *application,
                    AkmaCallFunc func,
                    gpointer user_data)
{
    AkmaDecision decision = {.method = method, .application = application};
    Question *question;

    if (akma_auth_may_manage(akma_call_get_caller(call), getuid())) {
        allow(call, &decision, func, user_data);
        return;
    }

    question = g_new0(Question, 1);
    question->owner = self;
    question->call = call;
    question->application = g_strdup(application);
    question->decision = (AkmaDecision){.method = method, .application = question->application};
    question->func = func;
    question->user_data = user_data;
    if (ask(question, action) < 0) {
        deny(g_steal_pointer(&question->call), &question->decision, "polkit cannot be asked");
        question_free(question);
        return;
    }
    g_queue_push_tail(&self->waiting, question);
}

void
akma_managers_forget(AkmaManagers *self, gpointer user_data, AkmaError code, const char *why)
{
    GList *next;

    for (GList *l = self->waiting.head; l; l = next) {
        Question *question = l->data;

        next = l->next;
        if (question->user_data != user_data)
            continue;
        g_queue_delete_link(&self->waiting, l);
        refuse(g_steal_pointer(&question->call), &question->decision, code, why, why);
        question_free(question);
    }
}
