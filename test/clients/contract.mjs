// A contract small enough to be assembled by hand: get(), set(uint256) with the event Set(address,uint256), and
// fail(), which reverts with Error("no").
import { concatHex, numberToHex, toEventSelector, toFunctionSelector } from 'viem';

export const abi = [
    { type: 'function', name: 'get', stateMutability: 'view', inputs: [], outputs: [{ name: '', type: 'uint256' }] },
    { type: 'function', name: 'set', stateMutability: 'nonpayable', inputs: [{ name: 'value', type: 'uint256' }], outputs: [] },
    { type: 'function', name: 'fail', stateMutability: 'view', inputs: [], outputs: [] },
    {
        type: 'event',
        name: 'Set',
        inputs: [
            { name: 'who', type: 'address', indexed: true },
            { name: 'value', type: 'uint256', indexed: false },
        ],
    },
];

const op = {
    EQ: '14', SHL: '1b', SHR: '1c', CALLER: '33', CALLDATALOAD: '35', MSTORE: '52', SLOAD: '54', SSTORE: '55',
    JUMPI: '57', JUMPDEST: '5b', DUP1: '80', LOG2: 'a2', RETURN: 'f3', REVERT: 'fd', STOP: '00', CODECOPY: '39',
};
const push = (hex) => (0x5f + hex.length / 2).toString(16) + hex;
const n = (v) => push(v.toString(16).padStart(2, '0'));
const bare = (hex) => hex.slice(2);

function runtime(at) {
    const branch = (signature, target) =>
        op.DUP1 + push(bare(toFunctionSelector(signature))) + op.EQ + n(target) + op.JUMPI;
    const head =
        n(0) + op.CALLDATALOAD + n(0xe0) + op.SHR + branch('get()', at.get) + branch('set(uint256)', at.set) +
        branch('fail()', at.fail) + n(0) + op.DUP1 + op.REVERT;
    const get = op.JUMPDEST + n(0) + op.SLOAD + n(0) + op.MSTORE + n(32) + n(0) + op.RETURN;
    const set =
        op.JUMPDEST + n(4) + op.CALLDATALOAD + op.DUP1 + n(0) + op.SSTORE + n(0) + op.MSTORE + op.CALLER +
        push(bare(toEventSelector('Set(address,uint256)'))) + n(32) + n(0) + op.LOG2 + op.STOP;
    const fail =
        op.JUMPDEST + push('08c379a0') + n(0xe0) + op.SHL + n(0) + op.MSTORE + n(32) + n(4) + op.MSTORE + n(2) + n(36) +
        op.MSTORE + push('6e6f') + n(0xf0) + op.SHL + n(68) + op.MSTORE + n(100) + n(0) + op.REVERT;
    const bytes = (code) => code.length / 2;
    return {
        code: head + get + set + fail,
        at: { get: bytes(head), set: bytes(head + get), fail: bytes(head + get + set) },
    };
}

const code = runtime(runtime({ get: 0, set: 0, fail: 0 }).at).code;
const size = n(code.length / 2);
// Copies what follows these 11 or so bytes into memory and returns it.
const loader = (offset) => size + n(offset) + n(0) + op.CODECOPY + size + n(0) + op.RETURN;

export const bytecode = concatHex([`0x${loader(loader(0).length / 2)}`, `0x${code}`]);
export const hex = numberToHex;
