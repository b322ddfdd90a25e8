// nats.c as a back end would use it:
//     nats_c_client URL PLAY
// Prints a line for each thing that has happened: what, a tab, the value.
#include <nats/nats.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

const char* url = nullptr;

void must(natsStatus status, const char* what) {
    if (status == NATS_OK) return;
    printf("failed\t%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

void tell(const char* what, const char* value) {
    printf("%s\t%s\n", what, value);
    fflush(stdout);
}

void tell_status(const char* what, natsStatus status) { tell(what, natsStatus_GetText(status)); }

void on_reconnected(natsConnection*, void* closure) {
    __atomic_store_n(static_cast<int*>(closure), 1, __ATOMIC_SEQ_CST);
}

natsConnection* open_with(natsOptions* options) {
    natsConnection* connection = nullptr;
    must(natsOptions_SetURL(options, url), "SetURL");
    must(natsConnection_Connect(&connection, options), "Connect");
    return connection;
}

natsConnection* open_one(void) {
    natsOptions* options = nullptr;
    must(natsOptions_Create(&options), "Options");
    natsConnection* connection = open_with(options);
    natsOptions_Destroy(options);
    return connection;
}

void tell_next(const char* what, natsSubscription* subscription) {
    natsMsg* message = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&message, subscription, 3000);
    if (status != NATS_OK) return tell_status(what, status);
    char text[256];
    snprintf(text, sizeof text, "%s %.*s", natsMsg_GetSubject(message),
             natsMsg_GetDataLength(message), natsMsg_GetData(message));
    tell(what, text);
    natsMsg_Destroy(message);
}

void deliver(void) {
    natsConnection *source = open_one(), *target = open_one();
    natsSubscription *one = nullptr, *rest = nullptr;
    must(natsConnection_SubscribeSync(&one, target, "c.*.b"), "Subscribe");
    must(natsConnection_SubscribeSync(&rest, target, "c.>"), "Subscribe");
    must(natsSubscription_AutoUnsubscribe(one, 1), "AutoUnsubscribe");
    must(natsConnection_Flush(target), "Flush");
    natsMsg* message = nullptr;
    must(natsMsg_Create(&message, "c.a.b", nullptr, "first", 5), "Msg");
    must(natsMsgHeader_Set(message, "Colour", "red"), "Header");
    must(natsConnection_PublishMsg(source, message), "PublishMsg");
    natsMsg_Destroy(message);
    must(natsConnection_PublishString(source, "c.d.b", "second"), "Publish");
    must(natsConnection_Flush(source), "Flush");
    tell_next("one", one);
    natsMsg* first = nullptr;
    must(natsSubscription_NextMsg(&first, rest, 3000), "NextMsg");
    const char* colour = nullptr;
    must(natsMsgHeader_Get(first, "Colour", &colour), "Header");
    tell("headers", colour);
    natsMsg_Destroy(first);
    tell_next("rest", rest);
    const int64_t size = natsConnection_GetMaxPayload(source);
    std::vector<char> large(static_cast<std::size_t>(size) + 1);
    must(natsConnection_Publish(source, "c.large", large.data(), static_cast<int>(size)),
         "Publish");
    must(natsConnection_Flush(source), "Flush");
    must(natsSubscription_NextMsg(&first, rest, 3000), "NextMsg");
    tell("large", natsMsg_GetDataLength(first) == size ? "whole" : "not whole");
    natsMsg_Destroy(first);
    tell_status("too large", natsConnection_Publish(source, "c.large", large.data(),
                                                    static_cast<int>(size) + 1));
    uint64_t id = 0;
    tell_status("client id", natsConnection_GetClientID(source, &id));
}

void count_up(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    __atomic_add_fetch(static_cast<int*>(closure), 1, __ATOMIC_SEQ_CST);
    natsMsg_Destroy(message);
}

void share(void) {
    natsConnection *source = open_one(), *members[3];
    natsSubscription* subscriptions[3];
    int counts[3] = {0, 0, 0};
    for (int i = 0; i < 3; ++i) {
        members[i] = open_one();
        must(natsConnection_QueueSubscribe(&subscriptions[i], members[i], "work", "workers",
                                           count_up, &counts[i]),
             "QueueSubscribe");
        must(natsConnection_Flush(members[i]), "Flush");
    }
    for (int i = 0; i < 300; ++i)
        must(natsConnection_PublishString(source, "work", "x"), "Publish");
    must(natsConnection_Flush(source), "Flush");
    for (int i = 0; i < 3; ++i) {
        must(natsSubscription_Drain(subscriptions[i]), "Drain");
        must(natsSubscription_WaitForDrainCompletion(subscriptions[i], 3000), "WaitForDrain");
    }
    char text[64];
    snprintf(text, sizeof text, "%d %d %d", counts[0], counts[1], counts[2]);
    tell("shared", text);
}

void respond(natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
    must(natsConnection_PublishString(connection, natsMsg_GetReply(message), "ANSWER"), "Respond");
    must(natsConnection_Flush(connection), "Flush");
    natsMsg_Destroy(message);
}

void request(void) {
    natsConnection *requester = open_one(), *responder = open_one();
    natsMsg* answer = nullptr;
    tell_status("nobody", natsConnection_RequestString(&answer, requester, "svc", "x", 3000));
    natsSubscription* subscription = nullptr;
    must(natsConnection_QueueSubscribe(&subscription, responder, "svc", "svc", respond, nullptr),
         "Sub");
    must(natsConnection_Flush(responder), "Flush");
    must(natsConnection_RequestString(&answer, requester, "svc", "x", 3000), "Request");
    char text[64];
    snprintf(text, sizeof text, "%.*s", natsMsg_GetDataLength(answer), natsMsg_GetData(answer));
    tell("answer", text);
    natsMsg_Destroy(answer);
}

void refused(void) {
    natsOptions* options = nullptr;
    natsConnection* connection = nullptr;
    must(natsOptions_Create(&options), "Options");
    must(natsOptions_SetURL(options, url), "SetURL");
    must(natsOptions_SetUserInfo(options, "back-end", "sk_live_wrong"), "SetUserInfo");
    tell_status("refused", natsConnection_Connect(&connection, options));
}

void reconnect(void) {
    natsOptions* options = nullptr;
    int reconnected = 0;
    must(natsOptions_Create(&options), "Options");
    must(natsOptions_SetReconnectWait(options, 100), "SetReconnectWait");
    must(natsOptions_SetMaxReconnect(options, -1), "SetMaxReconnect");
    must(natsOptions_SetReconnectedCB(options, on_reconnected, &reconnected), "SetReconnectedCB");
    natsConnection* connection = open_with(options);
    natsSubscription *plain = nullptr, *queue = nullptr;
    must(natsConnection_SubscribeSync(&plain, connection, "again"), "Subscribe");
    must(natsConnection_QueueSubscribeSync(&queue, connection, "again", "q"), "Subscribe");
    must(natsConnection_Flush(connection), "Flush");
    tell("ready", "");
    for (int i = 0; i < 300 && __atomic_load_n(&reconnected, __ATOMIC_SEQ_CST) == 0; ++i)
        nats_Sleep(50);
    must(natsConnection_PublishString(connection, "again", "back"), "Publish");
    must(natsConnection_Flush(connection), "Flush");
    tell_next("again", plain);
    tell_next("queue", queue);
}

}  // namespace

int main(int count, char** arguments) {
    const struct {
        const char* name;
        void (*play)(void);
    } plays[] = {{"deliver", deliver},
                 {"share", share},
                 {"request", request},
                 {"refused", refused},
                 {"reconnect", reconnect}};
    if (count != 3) return 2;
    url = arguments[1];
    for (const auto& each : plays)
        if (std::strcmp(each.name, arguments[2]) == 0) each.play();
    return 0;
}
