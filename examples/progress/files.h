/* files.h - the regular files below the working directory, and their hash. */
#ifndef FILES_H
#define FILES_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sha256.h"

static char **files; /* "files_total" of them */
static size_t files_total;

static inline void files_fail(const char *path)
{
    perror(path);
    exit(69);
}

static inline int files_add(const char *path, const struct stat *info,
                            int kind, struct FTW *place)
{
    (void)place;
    if (kind == FTW_DNR)
        files_fail(path);
    if (kind == FTW_F && S_ISREG(info->st_mode)) {
        files = realloc(files, (files_total + 1) * sizeof *files);
        /* Without the "./" in front. */
        if (files == NULL || (files[files_total++] = strdup(path + 2)) == NULL)
            files_fail(path);
    }
    return 0;
}

static inline int files_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fills "files", in the order of their bytes. */
static inline void files_find(void)
{
    if (nftw(".", files_add, 16, FTW_PHYS) != 0)
        files_fail(".");
    if (files_total > 0)
        qsort(files, files_total, sizeof *files, files_compare);
}

/* False when the file cannot be read. */
static inline bool files_hash(const char *path, char digits[SHA256_DIGITS])
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    const bool good = sha256_file(file, digits);
    fclose(file);
    return good;
}

#endif
