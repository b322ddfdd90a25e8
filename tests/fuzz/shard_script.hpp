// Script: bytes as a sequence of steps of several clients, and the broker, the model and the
// clients that play it. Each step is step_bytes long, so that a mutated script keeps its other
// steps.
#pragma once

#include <deque>

#include "tests/fuzz/scripted_client.hpp"

namespace drawbridge::test {

class Script {
public:
    static constexpr std::size_t head_bytes = 6;
    static constexpr std::size_t step_bytes = 6;
    static constexpr std::size_t steps_max = 150;

    // bytes: at least head_bytes.
    explicit Script(Bytes bytes);
    void play();

private:
    struct Step {
        unsigned client = 0;
        bool goes_on = false;  // the next step of the same client comes in the same turn
        std::uint8_t what = 0, a = 0, b = 0, c = 0, d = 0;
    };

    static core::Settings settings_of(Bytes head);
    void perform(const Step& step);
    void connect(const Step& step);
    void enter(ScriptedClient& client, const ConnectOptions& options);
    void contest(ScriptedClient& client, const Step& step);
    void subscribe(ScriptedClient& client, const Step& step);
    void unsubscribe(ScriptedClient& client, const Step& step);
    void publish(ScriptedClient& client, const Step& step);
    void leave(ScriptedClient& client, const Step& step);
    ConnectOptions options_of(const Step& step, Version version);

    void settle();
    void pass(Duration time);
    void come_to_rest();
    void end_all();
    void judge_sums();
    std::string payload(std::size_t size);

    const Bytes bytes_;
    const core::Settings settings_;
    ShardPump pump_;
    Model model_;
    std::deque<ScriptedClient> clients_;
    std::deque<TestClient> intruders_;
    unsigned payloads_ = 0;
    unsigned large_payloads_ = 0;
};

}  // namespace drawbridge::test
