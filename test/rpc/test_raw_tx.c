/* The name of a transaction from its bytes.  Hashes and signatures: ethers 6.17.0 and @solana/web3.js 1.98.4, which
 * signed these transactions with throw-away keys. */
#include "test.h"

#include "rpc/raw_tx.h"

static char buffer[4 * RAW_TX_MAX_BYTES];

static struct slice params_of(const char *before, const char *text, const char *after)
{
    int n = snprintf(buffer, sizeof buffer, "%s%s%s", before, text, after);

    return slice_of(buffer, (size_t)n);
}

static const struct {
    const char *what, *raw, *hash;
} evm[] = {
    {"legacy, EIP-155",
     "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0edaeb168682ba808b2dab"
     "f76386c89aeba550c2e7bdbd2a550f62d55e570d12da00a5f0c0ce6e06b22011583ceedd23443f91d19215c4ab1e66dc24dd3d0e2ba1b",
     "0xbdf63ebdbf0138e7e0d1a8e8b49d2a3f91f57da3b14803e839bc2afcbaea9a8c"},
    {"legacy, a creation",
     "0xf8508001830186a08080826000820135a0120bc64dbf3ab9a6b5f29a3e26145cde35c62d26ffe876091f8be134b771fe8aa00a4454e9796"
     "272a78d45d965fe026a1a348a54e66e732394bed826682eda5667",
     "0x2673de6a4069b0caa1a8d5f7888d9201ba0ecda1a888ca892ad715ed5bf94669"},
    {"EIP-2930",
     "0x01f89a0101058275309435353535353535353535353535353535353535350180f838f794353535353535353535353535353535353535353"
     "5e1a0010101010101010101010101010101010101010101010101010101010101010180a0791a3ba5266c15ef3aa5397cd66a5c1b30d7f5a1"
     "0452bd495bcf4d9123c3c2f9a0513e9bc187f8e17b90e9fd376a0bb9ecc2ac9fa6939394d23ba3ac65e4f77cb2",
     "0x233de6bc432b8348e632dd82a4a0ab92cf26f211f94ca032f66a1dfbdc890a97"},
    {"EIP-1559",
     "0x02f86b0107843b9aca008506fc23ac008252089435353535353535353535353535353535353535350580c001a019e3c5fb4b37398855ebf"
     "7e5ed91aad1dddacbd4d31581db108c5a70a853ad02a0080f48051b4f98c3cd502eef932b8d4c295cba4facaa14acbec181f907b709e4",
     "0xbf939c339af3b5f5af87573b7759fa79d7a4762f649741ecf5afc986e4ffdb66"},
    {"EIP-1559 with data, chain 8453",
     "0x02f8b582210582012c843b9aca008506fc23ac008303345094353535353535353535353535353535353535353580b844a9059cbb0000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000c080a03caa0939c00beeb1342d23d53b88d836d849a761477f331708e6c1dad13ec593a05abf697623162dc7ab5c4719d3040e3fd"
     "38a0ef47bac07cbbbf235f6dbe28c05",
     "0x16b4b94c9f98abf6d30545c0033f93f8d224dd7ee38c934864ee7e94e7143a8a"},
    {"EIP-4844 without its sidecar",
     "0x03f8850102011e8252089435353535353535353535353535353535353535358080c001e1a00122222222222222222222222222222222222"
     "22222222222222222222222222280a0f6402d384b34cce9e8e477875ec61aeca2fafb2168ee0dec6a12fe5c68a5be29a00d7c1147ed4a938b"
     "de35ed902002ba7d38c393c7ee5668ee29b556191c7f535e",
     "0x7fd738ec0f0e470d37e5805b109d7f0a75b5ebf04a122eb76de349e5003760e2"},
    {"EIP-7702",
     "0x04f8c10103011e830186a09435353535353535353535353535353535353535358080c0f85cf85a019435353535353535353535353535353"
     "535353535350180a0f47213bef7c70a6d154f16df3658a8feb5482ff5a7ff68cc644626f9b9347bc1a05618c92ca1a7d22da690823f506799"
     "20d78aa2d7b6b07d54b88960916dd3a23e80a01afb72f6187dbf0a80c94e4773ffdda34fcc6e57b8b8bc52d66c8367ba4a4283a023a51b8c6"
     "0cadb327e08bb4d0265d91aedc0d392512faf37ac82ca1cf43deb85",
     "0x0561f0263340c08dc0e484c91e990dbc435eab64455dc3816e3409b51a24d72d"},
};

static const char blob_with_sidecar[] =
    "0x03f9012ff8850102011e8252089435353535353535353535353535353535353535358080c001e1a001222222222222222222222222222222"
    "2222222222222222222222222222222280a0f6402d384b34cce9e8e477875ec61aeca2fafb2168ee0dec6a12fe5c68a5be29a00d7c1147ed4a"
    "938bde35ed902002ba7d38c393c7ee5668ee29b556191c7f535ef842b840000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000f1b0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"
    "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0f1b0c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
    "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1";

static const struct {
    const char *what, *base64, *base58, *signature;
} solana[] = {
    {"legacy",
     "AQqEZ08i3tDyQH+r8x4MZgWGh0GD9o6SpYT1LapSnX6isMkcj3KAEFYPGyRd3ZEvl2ZIyTPqxLDvFoK3TF9iKwABAAEDebVWLo/"
     "mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
     "AAAAAAAACQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkBAgIAAQwCAAAAOTAAAAAAAAA=",
     "3tDqdK2QCBrTyfWxJk1f3uwC7AvWTnECNteMrw4B9cJYLkT9LDbxjVorGh5gQtd3XA921AVqc7nbKrzAxiqbWwqXgv8XB5fmnuYeCLZufkvEMPRCC"
     "hcTHiT2Ea6xjZH7AYJ9MydCCUzMSDARrGyyDx3sBEA7NZp5sZFTstX5Qtw4gL7HjyB2NBy5YgpstwEYYSUSnY7jz1pdiwNytdezKEFRc2wRpXBVkp"
     "CfE8QWAa6HAJF325n39tt3Kc8DQzzbddENr83NpF8dW829ZyeDJuvTUKkcxFPP6Phdy",
     "DCMhNniX6MLdjDFV3pUiywr7PpQArRVWmitY2HbH9J6NH9g6wdsdyoj9hNVppWwhG9rnyUDnutw7safA5zvKxzT"},
    {"two signatures",
     "AvLJDwUBfJJKB2sqR8x9bpWD95DZ6OS55d2eMogP2ZCG+ZOuT1DW2Uxob2Wz6g6RM1LbjCz6oBGftoBYy4DoTARgcv/"
     "1VLUFS+l5zrNuSbOr2FmmgvYEemU+lBPsWzQ4muLSNM45rWTwDNNOL0jcyFR/"
     "itaZrv9U3AdPJLQNr4gJAgABBHm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+"
     "DjkQutBJZkQ83AI9ItX54QfRoGk0V9NdHRDrfSHHIRkvVvXeQGZdMFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQAAAAAAAAAAAAAAAAA"
     "AAAAAAAAAAAAAAAAAAAAAAAAACQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkBAwIBAgwCAAAAOTAAAAAAAAA=",
     "DR3bViUaEzBzAmK2TMpaxd9VWvHKVC2vyeyzycDfk2ghwuira6VBi3gK3H59ZvCoceX6kBgYeGY5pbS4MeuKQqNHyd9EnLTVBCf2HyXJsXtnENSLL"
     "HverkiZR5e5YfbBmB9Vw647bDPhtAbj9oPvMN4UWYwVbwtNJkDQ3QkM417XDBPwCT62HWt1JL79B8zR5sdsTWqPPLpNvjd6KqkzhbEDiAJybM7WmG"
     "WXsQUZum8uKY4dtqnkq2znXJ6mrJYCrPAJBaFBCQrpqz61iotnPd1Yxr613BWUCwk57kkqa7KUoKjpMF9ZdMexVCtnXt5RQgJBJrjJ4cpeE6S1sNb"
     "uzFTTnb1KbLknVvXdxpcsqvVU3wU37tqjBUeWHhgMFw4cFnJXb3seY6xuChN9kmKdEQj47oi4pYn8d2Kmab4b",
     "5rY3s8BNWhUujqcGKp64AtBqdmU9PYEftiXmQZRsK8ru5CYpWgZHxyNfPCiZa5wgGMCjSocfNuVNLc9W9aZdn6Hh"},
    {"version 0",
     "AbRuyANrVsI9Y/+wWE58vzosbGP6589Z78owGzUa7CFSdnbCq/"
     "JuyLifbIVSabtFk+McsW11V2INSRrH5L5QJAyAAQABA3m1Vi6P5lT5QHixEuipi6eQH4U65pW+1+"
     "DjkQutBJZkBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgICAgICAgICAgICAg"
     "ICAgICAgICAgICAgICAgICAgIAQICAAEMAgAAAAEAAAAAAAAAAA==",
     "2ayfzmgcbrdNrzzg66JM5416GtAcuJEJE7nsrGZNdRfJ8FbZqcjTakE2s51HJKxCmtQ6VkzdKtrWV8U4MAsCsLZpSLSFQPfugw9XvypfqPvrtnB1A"
     "QRDmWnAbRUJTHG3BKzdw3xQX2on7vdpzuHGLDWuHyPXA9ad7zKzCdnLKFgdTY8dw8CSbQaMVLaBPV1emWQH3Yq2WmDW6XEkQSZApHMiTZXivSWNaS"
     "m5rPWEqrPFz8jo2uAwiBWMn1LcygFmmEZDQGW5bvGXAVL1mmHKP4GVeFu8mH1DCaUh29xb",
     "4cEPZqREpXXh349XFpTwAcy1UnjTEwA4xCcpSYbX1LUCbE7rrPheF8TYuQmnSgznfmG7h81YbFvrwjtHoEKLsESF"},
};

static void expect(enum chain_family family, struct slice params, const char *text)
{
    struct raw_tx_id id;

    CHECK_EQ(raw_tx_read(&id, family, params), text != NULL);
    CHECK_STR(raw_tx_text(&id), text ? text : "");
    CHECK_EQ(raw_tx_json(&id).n, text ? strlen(text) + 2 : 0);
    if (text) {
        CHECK(id.json[0] == '"' && id.json[id.n - 1] == '"');
        CHECK(raw_tx_same(&id, family, raw_tx_json(&id)));
        CHECK(raw_tx_is_id(family, raw_tx_json(&id)));
    }
}

TEST(evm_transactions)
{
    for (unsigned i = 0; i < sizeof evm / sizeof evm[0]; i++) {
        expect(CHAIN_EVM, params_of("[\"", evm[i].raw, "\"]"), evm[i].hash);
        expect(CHAIN_EVM, params_of(" [ \"0X", evm[i].raw + 2, "\" ] "), evm[i].hash);
        for (char *p = buffer; *p; p++)
            if (*p >= 'a' && *p <= 'f')
                *p = (char)(*p - 32);
        expect(CHAIN_EVM, slice_str(buffer), evm[i].hash);
    }
}

TEST(evm_long_transaction)
{
    static char raw[5000];
    size_t n = (size_t)snprintf(raw, sizeof raw, "%s",
                                "0x02f908350101011e8389544094353535353535353535353535353535353535353580b907d0");

    for (unsigned i = 0; i < 2000; i++, n += 2)
        memcpy(raw + n, "5a", 2);
    snprintf(raw + n, sizeof raw - n, "%s",
             "c080a04e1521f4fc6072a4ea9c8f76f5f557a874a0474472c7cb4b2254aa7fc60ac03fa0447dda364c26daa07237bb49702b09e73"
             "468e8fdc97aa68e28764b189a065bcb");
    expect(CHAIN_EVM, params_of("[\"", raw, "\"]"),
           "0xb357e27e4e9403747dcd5cebcfd2e0bf8538b74a777fb817e930f7265ef8e68f");
}

/* Each of these is one step from a transaction whose hash is known. */
TEST(evm_unknown)
{
    static const char *const rows[] = {
        "",
        "null",
        "{}",
        "[]",
        "[null]",
        "[1]",
        "[\"\"]",
        "[\"0x\"]",
        "[\"0\"]",
        "[\"0x0\"]",
        "[[\"0xc0\"]]",
        "[\"c0\"]",
        "[\"0xc\"]",
        "[\"0xc0\"",
        "[\"0xc0]",
        "[\"0xc0\",]",
        "[\"0xc0\"]]",
        "{\"0\":\"0xc0\"}",
        "[\"0xc0\",\"0xc0\"]",
        "[\"0xc0\",null]",
        "[\"\\u0030xc0\"]",
        "[\"0xg0\"]",
        "[\"0xc0 \"]",
        "[\"0xc1\"]",   /* the list says that a byte follows */
        "[\"0xc000\"]", /* a byte too many */
        "[\"0x80\"]",
        "[\"0x00c0\"]",
        "[\"0x05c0\"]",
        "[\"0x71c0\"]",
        "[\"0x7ec0\"]", /* no list; types that are not ours */
        "[\"0x02\"]",
        "[\"0x0280\"]",
        "[\"0x02c1\"]",
        "[\"0x02c000\"]",
        "[\"0x0202c0\"]",
        "[\"0x03\"]",
        "[\"0x03c0\"]",
        "[\"0x03c1c0\"]", /* what comes first is missing, or a list */
        "[\"0xf8\"]",
        "[\"0xf800\"]",
        "[\"0xf80100\"]",
        "[\"0xf90000\"]",
        "[\"0xffffffffffffffffff\"]",
        "[\"0xfb00000000\"]",
    };

    expect(CHAIN_EVM, SLICE("[\"0xc0\"]"), "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(CHAIN_EVM, slice_str(rows[i]), NULL);
    expect(CHAIN_EVM, params_of("[\"", blob_with_sidecar, "\"]"), NULL);
}

/* A list of 56 bytes has one header that nodes take. */
TEST(evm_shortest_header)
{
    static const struct {
        const char *header;
        unsigned bytes;
        bool known;
    } rows[] = {
        {"f838", 56, true}, {"f90038", 56, false}, {"f837", 55, false}, {"f7", 55, true}, {"fa000038", 56, false}};
    struct raw_tx_id id;
    char raw[160];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int n = snprintf(raw, sizeof raw, "0x%s", rows[i].header);

        memset(raw + n, '1', 2 * rows[i].bytes);
        raw[(unsigned)n + 2 * rows[i].bytes] = '\0';
        CHECK_EQ(raw_tx_read(&id, CHAIN_EVM, params_of("[\"", raw, "\"]")), rows[i].known);
    }
}

/* Cut anywhere, or with any digit lost or doubled, it is not that transaction any more. */
TEST(evm_damaged)
{
    static char raw[4000];

    for (unsigned i = 0; i < sizeof evm / sizeof evm[0]; i++) {
        size_t n = strlen(evm[i].raw);

        for (size_t cut = 0; cut < n; cut++) {
            snprintf(raw, sizeof raw, "%.*s", (int)cut, evm[i].raw);
            expect(CHAIN_EVM, params_of("[\"", raw, "\"]"), NULL);
            snprintf(raw, sizeof raw, "%.*s%s", (int)cut, evm[i].raw, evm[i].raw + cut + 1);
            expect(CHAIN_EVM, params_of("[\"", raw, "\"]"), NULL);
            snprintf(raw, sizeof raw, "%.*s-%s", (int)cut, evm[i].raw, evm[i].raw + cut + 1);
            expect(CHAIN_EVM, params_of("[\"", raw, "\"]"), NULL);
        }
    }
}

TEST(evm_bound)
{
    static char raw[2 * RAW_TX_MAX_BYTES + 16];
    size_t payload;

    /* A list that fills the bound exactly, and one byte more. */
    for (unsigned more = 0; more < 2; more++) {
        struct raw_tx_id id;

        payload = RAW_TX_MAX_BYTES - 4 + more;
        memset(raw, '0', sizeof raw);
        snprintf(raw, sizeof raw, "0xfa%06zx", payload);
        raw[10] = '0';
        raw[10 + 2 * payload] = '\0';
        CHECK_EQ(raw_tx_read(&id, CHAIN_EVM, params_of("[\"", raw, "\"]")), !more);
    }
}

TEST(solana_transactions)
{
    for (unsigned i = 0; i < sizeof solana / sizeof solana[0]; i++) {
        const char *s58 = solana[i].base58, *s64 = solana[i].base64, *sig = solana[i].signature;

        expect(CHAIN_SOLANA, params_of("[\"", s58, "\"]"), sig);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",null]"), sig);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{}]"), sig);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{\"encoding\":null,\"skipPreflight\":true}]"), sig);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{\"encoding\":\"base58\"}]"), sig);
        expect(CHAIN_SOLANA, params_of("[\"", s64, "\",{\"encoding\":\"base64\"}]"), sig);
        expect(CHAIN_SOLANA, params_of("[\"", s64, "\", {\"maxRetries\":0,\"encoding\":\"base\\u00364\",\"x\":[{}]} ]"),
               sig);
        /* the other encoding, an unknown one, two of them, more params */
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{\"encoding\":\"base64\"}]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s64, "\"]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{\"encoding\":\"json\"}]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{\"encoding\":1}]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s64, "\",{\"encoding\":\"base58\",\"encoding\":\"base64\"}]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{},{}]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",[]]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",\"base58\"]"), NULL);
        expect(CHAIN_SOLANA, params_of("[\"", s58, "\",{}"), NULL);
        expect(CHAIN_SOLANA, params_of("[\" ", s58, "\"]"), NULL);
        expect(CHAIN_SOLANA, params_of("[", "", "]"), NULL);
        expect(CHAIN_SOLANA, params_of("{\"a\":\"", s58, "\"}"), NULL);
    }
}

/* No signatures, fewer bytes than the count says, nothing behind them, too long a text. */
TEST(solana_unknown)
{
    static const struct {
        unsigned count, bytes;
        bool known;
    } rows[] = {{0, 100, false}, {1, 0, false},  {1, 63, false},     {1, 64, false},     {1, 65, true},
                {2, 128, false}, {2, 129, true}, {127, 4000, false}, {128, 4000, false}, {255, 4000, false}};
    static char text[9000];
    struct raw_tx_id id;
    unsigned longest = 0;

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        unsigned n = rows[i].bytes + 1, pad = (3 - n % 3) % 3;
        size_t digits = (n + 2) / 3 * 4;

        memset(text, 'A', digits);
        text[0] = abc[rows[i].count >> 2];
        text[1] = abc[(rows[i].count & 3) << 4];
        memset(text + digits - pad, '=', pad);
        text[digits] = '\0';
        CHECK_EQ(raw_tx_read(&id, CHAIN_SOLANA, params_of("[\"", text, "\",{\"encoding\":\"base64\"}]")),
                 rows[i].known);
    }
    for (unsigned n = 1600; n < 1760; n++) {
        memset(text, '2', n);
        text[n] = '\0';
        if (raw_tx_read(&id, CHAIN_SOLANA, params_of("[\"", text, "\"]")))
            longest = n;
    }
    CHECK(longest > 1650 && longest <= 1683);
}

TEST(names_are_compared)
{
    struct raw_tx_id id = {0};
    char other[RAW_TX_ID_CAP];
    struct slice json;

    CHECK(!raw_tx_same(&id, CHAIN_EVM, SLICE("\"\"")));
    CHECK(raw_tx_read(&id, CHAIN_EVM, params_of("[\"", evm[0].raw, "\"]")));
    json = raw_tx_json(&id);
    for (size_t i = 0; i < json.n; i++) {
        memcpy(other, json.p, json.n);
        if (other[i] >= 'a' && other[i] <= 'f') {
            other[i] = (char)(other[i] - 32);
            CHECK(raw_tx_same(&id, CHAIN_EVM, slice_of(other, json.n)));
        }
        other[i] = '_';
        CHECK(!raw_tx_same(&id, CHAIN_EVM, slice_of(other, json.n)));
        CHECK(!raw_tx_is_id(CHAIN_EVM, slice_of(other, json.n)));
    }
    CHECK(!raw_tx_same(&id, CHAIN_EVM, SLICE("null")));
    CHECK(!raw_tx_same(&id, CHAIN_EVM, slice_of(NULL, 0)));

    CHECK(raw_tx_read(&id, CHAIN_SOLANA, params_of("[\"", solana[0].base58, "\"]")));
    json = raw_tx_json(&id);
    for (size_t i = 1; i < json.n - 1; i++) {
        memcpy(other, json.p, json.n);
        other[i] = other[i] == '2' ? '3' : '2';
        CHECK(!raw_tx_same(&id, CHAIN_SOLANA, slice_of(other, json.n)));
        other[i] = '0';
        CHECK(!raw_tx_is_id(CHAIN_SOLANA, slice_of(other, json.n)));
    }
    CHECK(!raw_tx_is_id(CHAIN_SOLANA, SLICE("\"5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb\"")));
    CHECK(!raw_tx_is_id(CHAIN_SOLANA, SLICE("null")));
}

TEST_MAIN()
