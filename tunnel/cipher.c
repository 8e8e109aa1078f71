#include "tunnel/cipher.h"

#include <pthread.h>
#include <stdlib.h>
#include "variants/aead/aead.h"

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct aead *mine;

static void destroy_aead(void *aead)
{
	aead_free(aead);
}

static void create_key(void)
{
	if (pthread_key_create(&key, destroy_aead))
		abort();
}

struct aead *cipher_thread(void)
{
	if (mine)
		return mine;
	pthread_once(&once, create_key);
	struct aead *aead = aead_new();
	if (aead && pthread_setspecific(key, aead)) {
		aead_free(aead);
		return NULL;
	}
	return mine = aead;
}
