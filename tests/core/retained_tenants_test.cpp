// RetainedStore with tenants: of each topic one message of each tenant, or one of nobody.
// Method: at random against a plain map, read in pieces of every size; and the looks are counted.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "broker/core/retained_store.hpp"
#include "tests/core/random_topics.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using namespace drawbridge::test;

namespace {

const TimePoint now{seconds(1'000)};

using Found = std::vector<std::pair<std::string, std::string>>;  // topic, payload

bool store(RetainedStore& retained, std::string_view topic, TenantId tenant,
           std::string_view payload) {
    MessageView made;
    made.topic = topic;
    made.payload = as_bytes(payload);
    made.tenant = tenant;
    made.retain = true;
    return retained.store(made, {}, now);
}

Found read(const RetainedStore& retained, std::string_view filter, TenantId reader,
           std::size_t steps) {
    Found found;
    const auto visit = [&](const MessagePtr& kept, RetainedOrigin) {
        const MessageView view = kept->view();
        found.emplace_back(view.topic, as_text(view.payload));
        return true;
    };
    std::optional<RetainedPlace> rest = RetainedPlace();
    for (std::size_t left = steps;
         (rest = retained.search(filter, reader, *rest, left, now, visit));)
        left = steps;
    return found;
}

bool sees(TenantId reader, TenantId tenant) {
    return reader == 0 || tenant == 0 || reader == tenant;
}

}  // namespace

TEST_CASE("each tenant reads its own retained messages and nobody's, whatever is stored",
          "[core][retained][tenants]") {
    const std::size_t steps = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{1'000});
    std::mt19937 random(7);
    const Limits limits;
    RetainedStore retained(limits);
    std::map<std::pair<std::string, TenantId>, std::string> model;
    for (int i = 0; i < 1'500; ++i) {
        const std::string topic = random_topic(random);
        const auto tenant = static_cast<TenantId>(random() % 4 == 0 ? 0 : 1 + random() % 6);
        const std::string payload = random() % 5 == 0 ? "" : std::to_string(i);
        CHECK(store(retained, topic, tenant, payload));
        std::erase_if(model, [&](const auto& entry) {
            return entry.first.first == topic && sees(tenant, entry.first.second);
        });
        if (!payload.empty()) model[{topic, tenant}] = payload;
        if (i % 10 != 0) continue;
        const std::string filter = random() % 2 == 0 ? topic : random_filter(random);
        for (TenantId reader = 0; reader < 8; ++reader) {
            Found wanted;
            for (const auto& [key, text] : model)
                if (sees(reader, key.second) && naive_matches(filter, key.first))
                    wanted.emplace_back(key.first, text);
            if (read(retained, filter, reader, steps) != wanted) FAIL("filter " << filter);
        }
    }
    CHECK(retained.messages() == model.size());
}

TEST_CASE("what other tenants have retained on a topic costs a reader three looks at most",
          "[core][retained][tenants]") {
    const Limits limits;
    RetainedStore retained(limits);
    for (const char* topic : {"a", "b"})
        for (TenantId tenant = 1; tenant <= 1'000; ++tenant) store(retained, topic, tenant, "x");
    const auto looks_of = [&](std::string_view filter, TenantId reader) {
        std::size_t steps = 1'000'000;
        std::size_t visited = 0;
        const auto count = [&](const MessagePtr&, RetainedOrigin) { return ++visited > 0; };
        CHECK_FALSE(retained.search(filter, reader, {}, steps, now, count));
        CHECK(visited == (reader == 0 ? 1'000u : reader > 1'000 ? 0u : 1u));
        return 1'000'000 - steps;
    };
    CHECK(looks_of("a", 500) <= 3);
    CHECK(looks_of("a", 1) <= 3);
    CHECK(looks_of("a", 1'001) <= 3);
    CHECK(looks_of("b/#", 500) <= 3);
    CHECK(looks_of("a", 0) == 1'000);
}

TEST_CASE("a message that is too large for its store takes nobody's place",
          "[core][retained][tenants]") {
    Limits limits;
    limits.max_retained_bytes = 10;
    RetainedStore retained(limits);
    CHECK(store(retained, "a", 1, "1234"));
    CHECK(store(retained, "a", 2, "1234"));
    CHECK_FALSE(store(retained, "a", 3, "1"));
    CHECK_FALSE(store(retained, "a", 1, "12345"));
    CHECK_FALSE(store(retained, "a", 0, "1234567890"));
    CHECK(read(retained, "a", 0, 100).size() == 2);
    CHECK(store(retained, "a", 0, "123456789"));
    CHECK(read(retained, "a", 0, 100) == Found{{"a", "123456789"}});
    CHECK(store(retained, "a", 1, "1"));
    CHECK(retained.bytes() == 2);
}
