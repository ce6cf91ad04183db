/* A PKCS#11 module that is SoftHSM's, with one fault. FAULT names it, LOGINS a file to which each
 * C_Login adds a line. Only the few declarations that it needs stand here (PKCS#11 2.40). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef unsigned char byte_t;

enum { GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, LOGIN = 18, FIND_OBJECTS = 26, SIGN = 43, FUNCTIONS = 68 };
enum { DEVICE_REMOVED = 0x32, FINAL_TRY = 0x20000, TOKEN_FLAGS_OFFSET = 96 };

typedef struct { byte_t major, minor; void *function[FUNCTIONS]; } list_t;

static list_t *real, ours;

static int fault(const char *name)
{
    const char *named = getenv("FAULT");
    return named && strcmp(named, name) == 0;
}

static ulong_t faulty_login(ulong_t session, ulong_t user, byte_t *pin, ulong_t length)
{
    const char *path = getenv("LOGINS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) { fputs("login\n", file); fclose(file); }
    if (fault("hang-login")) for (;;) pause();
    ulong_t (*login)(ulong_t, ulong_t, byte_t *, ulong_t) = real->function[LOGIN];
    return login(session, user, pin, length);
}

static ulong_t faulty_sign(ulong_t session, byte_t *data, ulong_t size, byte_t *signature, ulong_t *length)
{
    if (fault("hang-sign")) for (;;) pause();
    if (fault("removed") && signature) return DEVICE_REMOVED;
    ulong_t (*sign)(ulong_t, byte_t *, ulong_t, byte_t *, ulong_t *) = real->function[SIGN];
    ulong_t result = sign(session, data, size, signature, length);
    if (fault("lie") && signature) signature[7] ^= 1;
    if (fault("short") && signature) *length = 5;
    return result;
}

static ulong_t faulty_token_info(ulong_t slot, byte_t *info)
{
    ulong_t (*token_info)(ulong_t, byte_t *) = real->function[GET_TOKEN_INFO];
    ulong_t result = token_info(slot, info);
    if (fault("final-try")) {
        ulong_t flags;
        memcpy(&flags, info + TOKEN_FLAGS_OFFSET, sizeof flags);
        flags |= FINAL_TRY;
        memcpy(info + TOKEN_FLAGS_OFFSET, &flags, sizeof flags);
    }
    return result;
}

ulong_t C_GetFunctionList(list_t **list)
{
    void *module = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    ulong_t (*get)(list_t **) = module ? (ulong_t (*)(list_t **))dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&real) != 0) return 5;
    ours = *real;
    ours.function[LOGIN] = faulty_login;
    ours.function[SIGN] = faulty_sign;
    ours.function[GET_TOKEN_INFO] = faulty_token_info;
    *list = &ours;
    return 0;
}
