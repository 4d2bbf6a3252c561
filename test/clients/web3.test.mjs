import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Web3 } from 'web3';
import { abi, bytecode } from './contract.mjs';
import { startAnvil, startGateway } from './things.mjs';

const key = '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a'; // anvil's third account
let anvil, gateway, web3, from, contract;

before(async () => {
    anvil = await startAnvil();
    gateway = await startGateway('evm', anvil.url);
    web3 = new Web3(gateway.url);
    web3.eth.transactionPollingInterval = 100;
    from = web3.eth.accounts.wallet.add(key).get(0).address;
    contract = await new web3.eth.Contract(abi).deploy({ data: bytecode }).send({ from, gas: '1000000' });
});

after(async () => {
    await gateway?.end();
    await anvil?.end();
});

test('web3: chain id, block, balance', async () => {
    assert.equal(await web3.eth.getChainId(), 31337n);
    assert.ok((await web3.eth.getBlockNumber()) >= 1n);
    assert.ok((await web3.eth.getBalance(from)) > 9000n * 10n ** 18n);
});

test('web3: write, receipt, read', async () => {
    const receipt = await contract.methods.set(12345).send({ from, gas: '200000' });
    assert.equal(receipt.status, 1n);
    assert.equal(receipt.events.Set.returnValues.value, 12345n);
    assert.equal(await contract.methods.get().call(), 12345n);
});

test('web3: logs', async () => {
    const events = await contract.getPastEvents('Set', { fromBlock: 0 });
    assert.equal(events.at(-1).returnValues.value, 12345n);
});

test('web3: a filter sees what happens after it', async () => {
    const filter = await web3.eth.currentProvider.request({
        jsonrpc: '2.0', id: 1, method: 'eth_newFilter', params: [{ address: contract.options.address }],
    });
    await contract.methods.set(6).send({ from, gas: '200000' });
    // The node hands the receipt out before its filters have seen the block: what the polls bring together counts.
    let seen = 0;
    for (let i = 0; i < 50 && seen === 0; i++) {
        const changes = await web3.eth.currentProvider.request({
            jsonrpc: '2.0', id: 'text-id', method: 'eth_getFilterChanges', params: [filter.result],
        });
        assert.equal(changes.id, 'text-id');
        seen += changes.result.length;
        if (seen === 0) await new Promise((done) => setTimeout(done, 100));
    }
    assert.equal(seen, 1);
});

test('web3: revert reason', async () => {
    await assert.rejects(contract.methods.fail().call(), (e) => {
        assert.match(JSON.stringify(e, (k, v) => (typeof v === 'bigint' ? String(v) : v)) + e.message + e.cause?.message, /no/);
        assert.match(String(e.cause?.data ?? e.data), /^0x08c379a0/);
        return true;
    });
});

test('web3: batches', async () => {
    const before = (await gateway.status()).counters.batches;
    const batch = new web3.BatchRequest();
    const asked = [];
    for (let i = 0; i < 30; i++)
        asked.push(batch.add({ jsonrpc: '2.0', id: i, method: i % 2 ? 'eth_chainId' : 'eth_blockNumber', params: [] }));
    await batch.execute();
    const got = await Promise.all(asked);
    got.forEach((v, i) => assert.ok(i % 2 ? Number(v) === 31337 : Number(v) >= 2));
    assert.equal((await gateway.status()).counters.batches, before + 1);
});
