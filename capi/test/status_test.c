/* status_test.c - statuses have sentences; each thread has its last error. */
#include "support.h"

static void nothing_has_failed(void)
{
    CHECK(strcmp(libsocket_last_error(), "") == 0);
    libsocket_free(NULL);
}

static void sentences(void)
{
    for (int status = LIBSOCKET_E_SLOW; status <= LIBSOCKET_OK; status++) {
        CHECK(*libsocket_strerror(status) != '\0');
        for (int other = LIBSOCKET_E_SLOW; other < status; other++)
            CHECK(strcmp(libsocket_strerror(status), libsocket_strerror(other)) != 0);
    }
    CHECK(strcmp(libsocket_strerror(1), "unknown status") == 0);
    CHECK(strcmp(libsocket_strerror(LIBSOCKET_E_SLOW - 1), "unknown status") == 0);
    CHECK(strcmp(libsocket_strerror(INT32_MIN), "unknown status") == 0);
}

/* A failure whose text bears the name it was made with. */
static void fail_with(const char *event)
{
    libsocket_client client = {7};
    CHECK_STATUS(libsocket_client_open(&client, "unix", event, NULL, 0, NULL, NULL),
                 LIBSOCKET_E_NO_SERVER);
    CHECK(client.id == 7); /* on failure nothing is stored */
    CHECK_SAYS(event);
}

static void *send_one(void *server)
{
    libsocket_message message = data_message(NULL, 0);
    CHECK_OK(libsocket_server_send(*(libsocket_server *)server, &message));
    return NULL;
}

/* Finds nothing first, and succeeds in the end. */
static void wait_for_a_message(void)
{
    pthread_t thread;
    libsocket_server server = open_server("unix", "waited", NULL, 0);
    libsocket_client client = join_server(server, "unix", "waited", "");
    check_need(pthread_create(&thread, NULL, send_one, &server) == 0, "no thread");
    libsocket_free(next_message(client));
    pthread_join(thread, NULL);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void success_keeps_the_text(void)
{
    fail_with("kept");
    void *block = NULL;
    size_t size = 0;
    CHECK_OK(libsocket_json_to_msgpack(&block, &size, "1", 1));
    libsocket_free(block);
    CHECK_SAYS("kept");
    wait_for_a_message();
    CHECK_SAYS("kept");
}

static box first_failed = BOX, second_failed = BOX;

static void *other_thread(void *unused)
{
    (void)unused;
    CHECK(strcmp(libsocket_last_error(), "") == 0);
    fail_with("of_the_other");
    box_add(&first_failed, 1);
    box_wait(&second_failed, 1);
    CHECK_SAYS("of_the_other");
    return NULL;
}

static void threads_have_their_own(void)
{
    pthread_t thread;
    check_need(pthread_create(&thread, NULL, other_thread, NULL) == 0, "no thread");
    box_wait(&first_failed, 1);
    fail_with("of_the_main");
    box_add(&second_failed, 1);
    pthread_join(thread, NULL);
    CHECK_SAYS("of_the_main");
}

/* A destructor of the program's may run after that of the library. */
static pthread_key_t of_the_program;

static void fail_at_the_end(void *unused)
{
    (void)unused;
    CHECK(strlen(libsocket_last_error()) < 200);
    fail_with("at_the_end");
}

static void *fail_and_end(void *unused)
{
    (void)unused;
    fail_with("before_the_end");
    pthread_setspecific(of_the_program, &of_the_program);
    return NULL;
}

static void destructors_may_fail(void)
{
    pthread_t thread;
    check_need(pthread_key_create(&of_the_program, fail_at_the_end) == 0, "no key");
    check_need(pthread_create(&thread, NULL, fail_and_end, NULL) == 0, "no thread");
    pthread_join(thread, NULL);
}

int main(void)
{
    support_start();
    RUN(nothing_has_failed);
    RUN(sentences);
    RUN(success_keeps_the_text);
    RUN(threads_have_their_own);
    RUN(destructors_may_fail);
    return support_end();
}
