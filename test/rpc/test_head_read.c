#include "rpc/head_read.h"

#include "test.h"

TEST(the_number_in_an_answer)
{
    static const struct {
        bool solana;
        const char *method, *result;
        bool there;
        uint64_t number;
    } rows[] = {
        {false, "eth_blockNumber", "\"0x1b4\"", true, 436},
        {false, "eth_blockNumber", "\"0xFFFFFFFFFFFFFFFF\"", true, UINT64_MAX},
        {false, "eth_blockNumber", "\"0x10000000000000000\"", false, 0},
        {false, "eth_blockNumber", "\"0x\"", false, 0},
        {false, "eth_blockNumber", "\"0x1g\"", false, 0},
        {false, "eth_blockNumber", "\"1b4\"", false, 0},
        {false, "eth_blockNumber", "null", false, 0},
        {false, "eth_getBlockByNumber", "{\"hash\":\"0x1\", \"number\" : \"0x10\"}", true, 16},
        {false, "eth_getBlockByNumber", "{\"number\":null}", false, 0},
        {false, "eth_getTransactionReceipt", "{\"blockHash\":\"0x2\",\"blockNumber\":\"0x20\"}", true, 32},
        {false, "eth_getTransactionByHash", "{\"blockNumber\":null}", false, 0},
        {false, "eth_call", "\"0x1b4\"", false, 0},
        {false, "getSlot", "436", false, 0},
        {true, "getSlot", "436", true, 436},
        {true, "getSlot", "\"436\"", false, 0},
        {true, "getSlot", "99999999999999999999", false, 0},
        {true, "getSlot", "4e8", false, 0},
        {true, "getSlot", "436.5", false, 0},
        {true, "getSlot", "-436", false, 0},
        {true, "getBalance", "{\"context\":{\"slot\":1e20},\"value\":1}", false, 0},
        {true, "getBalance", "{\"context\":{\"slot\":1E400},\"value\":1}", false, 0},
        {true, "getBalance", "{\"context\":{\"slot\":-7},\"value\":1}", false, 0},
        {true, "getBalance", "{\"context\":{\"slot\":\"7\"},\"value\":1}", false, 0},
        {true, "getBalance", "{\"context\":{\"slot\": 7 },\"value\":1}", true, 7},
        {true, "getAccountInfo", "{\"context\":{\"apiVersion\":\"2\",\"slot\":7},\"value\":null}", true, 7},
        {true, "getBalance", "{\"value\":1}", false, 0},
        {true, "eth_blockNumber", "\"0x1b4\"", false, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t number = 0;
        bool there =
            head_read(head_place_of(rows[i].solana, slice_str(rows[i].method)), slice_str(rows[i].result), &number);

        if (there != rows[i].there || (there && number != rows[i].number))
            printf("# %s: %s\n", rows[i].method, rows[i].result);
        CHECK_EQ(there, rows[i].there);
        if (there)
            CHECK_EQ(number, rows[i].number);
    }
}

TEST_MAIN()
