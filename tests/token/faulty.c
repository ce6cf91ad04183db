/* A PKCS#11 module that is SoftHSM's, with one fault. FAULT names it, or the file CONTROL, which may
 * change at any time; to LOGINS each C_Login adds a line. Both files are named when this is compiled.
 * Only the few declarations that it needs stand here (PKCS#11 2.40). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef unsigned char byte_t;

enum {
    GET_FUNCTION_LIST = 3, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12, CLOSE_ALL_SESSIONS = 14,
    GET_SESSION_INFO = 15, LOGIN = 18, FIND_OBJECTS_INIT = 26, SIGN = 43, FUNCTIONS = 68
};
enum { DEVICE_REMOVED = 0x32, TOKEN_NOT_PRESENT = 0xe0, FINAL_TRY = 0x20000, TOKEN_FLAGS_OFFSET = 96 };

typedef struct { byte_t major, minor; void *function[FUNCTIONS]; } list_t;

static list_t *real, ours;

static int fault(const char *name)
{
    char line[64] = "";
    FILE *control = fopen(CONTROL, "r");
    if (control) {
        if (!fgets(line, sizeof line, control)) line[0] = 0;
        fclose(control);
        line[strcspn(line, "\n")] = 0;
    }
    const char *named = getenv("FAULT");
    return (named && strcmp(named, name) == 0) || strcmp(line, name) == 0;
}

/* Taken out: its sessions end, and with them who was logged in. */
static int absent(void)
{
    if (!fault("absent")) return 0;
    ulong_t (*slot_list)(byte_t, ulong_t *, ulong_t *) = real->function[GET_SLOT_LIST];
    ulong_t (*close_all)(ulong_t) = real->function[CLOSE_ALL_SESSIONS];
    ulong_t slots[16], count = 16;
    if (slot_list(1, slots, &count) == 0)
        for (ulong_t i = 0; i < count; i++) close_all(slots[i]);
    return 1;
}

static ulong_t faulty_slot_list(byte_t present, ulong_t *slots, ulong_t *count)
{
    ulong_t (*slot_list)(byte_t, ulong_t *, ulong_t *) = real->function[GET_SLOT_LIST];
    if (!absent()) return slot_list(present, slots, count);
    *count = 0;
    return 0;
}

static ulong_t faulty_open_session(ulong_t slot, ulong_t flags, void *data, void *notify, ulong_t *session)
{
    ulong_t (*open)(ulong_t, ulong_t, void *, void *, ulong_t *) = real->function[OPEN_SESSION];
    return absent() ? TOKEN_NOT_PRESENT : open(slot, flags, data, notify, session);
}

static ulong_t faulty_session_info(ulong_t session, void *info)
{
    ulong_t (*session_info)(ulong_t, void *) = real->function[GET_SESSION_INFO];
    return absent() ? DEVICE_REMOVED : session_info(session, info);
}

static ulong_t faulty_find_init(ulong_t session, void *template, ulong_t count)
{
    ulong_t (*find_init)(ulong_t, void *, ulong_t) = real->function[FIND_OBJECTS_INIT];
    return absent() ? DEVICE_REMOVED : find_init(session, template, count);
}

static ulong_t faulty_login(ulong_t session, ulong_t user, byte_t *pin, ulong_t length)
{
    FILE *file = fopen(LOGINS, "a");
    if (file) { fputs("login\n", file); fclose(file); }
    if (fault("hang-login")) for (;;) pause();
    ulong_t (*login)(ulong_t, ulong_t, byte_t *, ulong_t) = real->function[LOGIN];
    return login(session, user, pin, length);
}

static ulong_t faulty_sign(ulong_t session, byte_t *data, ulong_t size, byte_t *signature, ulong_t *length)
{
    while (fault("hang-sign")) usleep(50000);
    if (fault("removed") && signature) return DEVICE_REMOVED;
    if (absent()) return DEVICE_REMOVED;
    ulong_t (*sign)(ulong_t, byte_t *, ulong_t, byte_t *, ulong_t *) = real->function[SIGN];
    ulong_t result = sign(session, data, size, signature, length);
    if (fault("lie") && signature) signature[7] ^= 1;
    if (fault("short") && signature) *length = 5;
    return result;
}

static ulong_t faulty_token_info(ulong_t slot, byte_t *info)
{
    ulong_t (*token_info)(ulong_t, byte_t *) = real->function[GET_TOKEN_INFO];
    if (absent()) return TOKEN_NOT_PRESENT;
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
    setenv("SOFTHSM2_CONF", CONFIGURATION, 1);
    void *module = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    ulong_t (*get)(list_t **) = module ? (ulong_t (*)(list_t **))dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&real) != 0) return 5;
    ours = *real;
    ours.function[GET_SLOT_LIST] = faulty_slot_list;
    ours.function[GET_TOKEN_INFO] = faulty_token_info;
    ours.function[OPEN_SESSION] = faulty_open_session;
    ours.function[GET_SESSION_INFO] = faulty_session_info;
    ours.function[LOGIN] = faulty_login;
    ours.function[FIND_OBJECTS_INIT] = faulty_find_init;
    ours.function[SIGN] = faulty_sign;
    *list = &ours;
    return 0;
}
