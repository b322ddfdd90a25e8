// FakeAudit: keeps in memory what the broker tells.
#pragma once

#include <string>
#include <vector>

#include "broker/core/audit.hpp"

namespace drawbridge::test {

class FakeAudit final : public core::Audit {
public:
    void note(core::AuditEvent event) override { events.push_back(std::move(event)); }

    // "EVENT CLIENT SUBJECT: WHY" of each event since the last call.
    std::vector<std::string> take() {
        std::vector<std::string> lines;
        for (const core::AuditEvent& event : events) {
            std::string line = std::string(to_text(event.kind)) + ' ' + event.client_id;
            if (!event.subject.empty()) line += ' ' + event.subject;
            lines.push_back(line + ": " + event.why);
        }
        events.clear();
        return lines;
    }

    std::vector<core::AuditEvent> events;
};

}  // namespace drawbridge::test
