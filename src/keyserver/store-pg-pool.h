/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-pg-pool: operations of a worker on its connections; for the two files that do it. */
#pragma once

#include "keyserver/store-pg.h"

G_BEGIN_DECLS

#define AKMA_PG_WRITERS 4 /* a commit waits for a disk: others go on meanwhile */

typedef struct _AkmaPgLink AkmaPgLink;

typedef enum {
    READING,
    COMMITTING,
    ROLLING_BACK,
} AkmaPgPhase;

typedef struct {
    AkmaPgPool *pool;
    AkmaKsOp *op;
    AkmaKsDone done;
    void *user_data;
    GError *error;
    uint64_t deadline; /* of the loop's clock */
    unsigned tries;
    bool again; /* others were in the way */
    bool alone; /* its transaction has the store alone */
    AkmaKsMark mark;
    AkmaPgLink *link; /* where it is under way */
    AkmaPgTransaction *transaction;
    AkmaPgPhase phase;
} AkmaPgTask;

struct _AkmaPgLink {
    AkmaPgPool *pool;
    AkmaPg *pg; /* NULL: not connected */
    uv_poll_t *poll;
    bool reads;
    bool broken;  /* to be closed as soon as nobody stands on it */
    GQueue tasks; /* AkmaPgTask, under way; at most one where it writes */
};

struct _AkmaPgPool {
    AkmaPgStore *store;
    uv_loop_t *loop;
    uv_async_t *wake;
    uv_timer_t *tick;
    AkmaPgLink links[1 + AKMA_PG_WRITERS]; /* the first one reads */
    GQueue reads;                          /* AkmaPgTask, waiting */
    GQueue writes;                         /* AkmaPgTask, waiting */
    GQueue finished;                       /* AkmaPgTask */
    unsigned n_tasks;                      /* all that are not finished */
    /* connecting */
    uv_thread_t thread;
    AkmaPgLink *connecting; /* NULL: no thread */
    gint connected;         /* atomic: the thread has ended */
    gint quit;              /* atomic */
    AkmaPg *new_pg;         /* the thread's until then */
    GError *new_error;      /* the thread's until then */
    uint64_t connect_at;
};

/* store-pg-pool.c: sends what is queued, and watches for the answer. */
void akma_pg_link_flush(AkmaPgLink *link);

/* store-pg-task.c */
void akma_pg_task_free(AkmaPgTask *task);
void akma_pg_task_start(AkmaPgTask *task, AkmaPgLink *link);

/* Its caller is told when the loop comes round. */
void akma_pg_task_finish(AkmaPgTask *task, const GError *error);

/*
 * The connection that it was on is closed: once more from the start, at the head of @queue, or the
 * end of it.
 */
void akma_pg_task_lose(AkmaPgTask *task, GQueue *queue, const GError *error);

/* Does it begin where nothing can be written? */
bool akma_pg_task_begins_reading(const AkmaPgTask *task);

G_END_DECLS
