// nats.js as a back end would use it, version 2 or 3:
//     node nats_client.js '{"module": DIRECTORY, "port": PORT, "user": NAME, "pass": KEY, "play": NAME}'
// Prints a JSON document in a line for each thing that has happened.
const wanted = JSON.parse(process.argv[2]);
const nats = require(wanted.module);
const decoder = new TextDecoder();

const tell = (what, value) => console.log(JSON.stringify({what, value}));
const text = (message) => decoder.decode(message.data);
const connect = (options = {}) => nats.connect({
    servers: `127.0.0.1:${wanted.port}`,
    user: wanted.user,
    pass: wanted.pass,
    reconnectTimeWait: 100,
    maxReconnectAttempts: -1,
    ...options,
});
const told = (error) => ({name: error.name, code: error.code, message: error.message});

async function collect(subscription, count) {
    const got = [];
    if (count === 0) return got;
    for await (const message of subscription) {
        got.push(message);
        if (got.length === count) break;
    }
    return got;
}

const plays = {
    async deliver() {
        const [source, target] = [await connect(), await connect()];
        tell('max_payload', source.info.max_payload);
        const one = target.subscribe('js.*.b', {max: 2});
        const rest = target.subscribe('js.>', {max: 3});
        await target.flush();
        const headers = nats.headers();
        headers.append('Colour', 'red');
        headers.append('Colour', 'blue');
        source.publish('js.a.b', 'first', {headers});
        source.publish('js.a', 'second');
        source.publish('js.c.b');
        await source.flush();
        tell('one', (await collect(one, 2)).map((m) => [m.subject, text(m)]));
        const all = await collect(rest, 3);
        tell('rest', all.map((m) => [m.subject, text(m)]));
        tell('headers', all[0].headers.values('Colour'));
        const large = new Uint8Array(source.info.max_payload).fill(7);
        const sized = target.subscribe('large');
        await target.flush();
        source.publish('large', large);
        tell('large', (await collect(sized, 1))[0].data.length);
        try {
            source.publish('large', new Uint8Array(source.info.max_payload + 1));
            await source.flush();
            tell('too large', null);
        } catch (error) {
            tell('too large', told(error));
        }
        await source.close();
        await target.close();
    },

    async share() {
        const source = await connect();
        const members = await Promise.all([1, 2, 3].map(() => connect()));
        const counts = [0, 0, 0];
        const subscriptions = members.map((member, i) =>
            member.subscribe('work', {queue: 'workers', callback: () => counts[i]++}));
        await Promise.all(members.map((member) => member.flush()));
        for (let i = 0; i < 300; ++i) source.publish('work', String(i));
        await source.flush();
        await Promise.all(members.map((member) => member.flush()));
        tell('shared', counts);
        for (let i = 0; i < 300; ++i) source.publish('work', String(i));
        await source.flush();
        await Promise.all(subscriptions.map((subscription) => subscription.drain()));
        tell('drained', counts.reduce((a, b) => a + b));
        await Promise.all(members.map((member) => member.drain()));
        await source.close();
    },

    async request() {
        const [requester, responder] = [await connect(), await connect()];
        for (const noMux of [false, true]) {
            try {
                await requester.request('svc', 'x', {timeout: 3000, noMux});
                tell('nobody', null);
            } catch (error) {
                tell('nobody', told(error));
            }
        }
        responder.subscribe('svc', {
            queue: 'svc',
            callback: (_, message) => {
                const headers = nats.headers();
                headers.set('Answer', 'yes');
                message.respond(text(message).toUpperCase(), {headers});
            },
        });
        await responder.flush();
        for (const noMux of [false, true]) {
            const answer = await requester.request('svc', 'question', {timeout: 3000, noMux});
            tell('answer', [text(answer), answer.headers.get('Answer')]);
        }
        const many = await Promise.all(
            [...Array(200).keys()].map((n) => requester.request('svc', `n${n}`, {timeout: 3000})));
        tell('many', many.every((answer, n) => text(answer) === `N${n}`));
        await responder.drain();
        await requester.close();
    },

    async refused() {
        try {
            await connect({pass: 'sk_live_wrong', maxReconnectAttempts: 0});
            tell('refused', null);
        } catch (error) {
            tell('refused', told(error));
        }
    },

    async reconnect() {
        const client = await connect({pingInterval: 1000});
        client.subscribe('again', {callback: (_, message) => tell('again', text(message))});
        client.subscribe('again', {queue: 'q', callback: (_, message) => tell('queue', text(message))});
        await client.flush();
        tell('ready', true);
        for await (const status of client.status()) {
            if (status.type !== 'reconnect') continue;
            await client.flush();
            client.publish('again', 'back');
            await client.flush();
            tell('reconnected', true);
            break;
        }
        await client.drain();
    },
};

plays[wanted.play]().then(() => process.exit(0), (error) => {
    tell('failed', told(error));
    process.exit(1);
});
