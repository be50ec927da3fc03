/* spawn TIMES COMMAND...: starts a command again and again, and says how long
 * each took until it printed something, in ns. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long once(char **command, char **environment)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);

    const long long began = now_ns();
    pid_t child;
    const int failed = posix_spawnp(&child, command[0], &actions, NULL, command, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    char byte;
    const ssize_t n = failed ? 0 : read(out[0], &byte, 1);
    const long long ended = now_ns();
    while (!failed && read(out[0], &byte, 1) > 0)
        ;
    close(out[0]);
    int status = 0;
    if (!failed)
        waitpid(child, &status, 0);
    return n == 1 && status == 0 ? ended - began : -1;
}

int main(int argc, char **argv, char **environment)
{
    if (argc < 3)
        return 64;
    for (int i = atoi(argv[1]); i > 0; i--) {
        const long long took = once(argv + 2, environment);
        if (took < 0) {
            fprintf(stderr, "%s failed\n", argv[2]);
            return 1;
        }
        printf("%lld\n", took);
    }
    return 0;
}
