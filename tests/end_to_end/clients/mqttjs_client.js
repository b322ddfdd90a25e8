// MQTT.js as a device would use it: connects, subscribes, publishes to itself, and tells what came:
//     node mqttjs_client.js '{"module": DIRECTORY, "url": URL, "options": {...}, "topic": TOPIC,
//                            "qos": QOS, "payloadBytes": SIZE}'
// Prints one JSON document: {"topic", "payloadBytes", "same", "closedCleanly"} or {"error"}.
const wanted = JSON.parse(process.argv[2]);
const mqtt = require(wanted.module);
const payload = Buffer.alloc(wanted.payloadBytes, 'drawbridge');

function tell(result) {
    console.log(JSON.stringify(result));
    process.exit(0);
}

const client = mqtt.connect(wanted.url, {...wanted.options, reconnectPeriod: 0});
client.on('error', (error) => tell({error: error.message}));
client.on('close', () => tell({error: 'closed'}));
client.on('connect', () => {
    client.subscribe(wanted.topic, {qos: wanted.qos}, (error, granted) => {
        if (error || granted[0].qos !== wanted.qos) return tell({error: 'not subscribed'});
        client.publish(wanted.topic, payload, {qos: wanted.qos});
    });
});
client.on('message', (topic, received) => {
    client.removeAllListeners('close');
    client.end(false, {}, () => tell({
        topic,
        payloadBytes: received.length,
        same: payload.equals(received),
    }));
});
