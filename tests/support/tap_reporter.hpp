// TAP for Meson: one line for each test case, and a comment for each assertion that failed.
//
// Catch2's own TAP reporter prints a line for each assertion, so a test that tries every byte of a
// packet would count as thousands. Included by catch_main.cpp alone.
#pragma once

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

namespace drawbridge::testing {

class TapReporter : public Catch::StreamingReporterBase<TapReporter> {
public:
    using StreamingReporterBase::StreamingReporterBase;

    static std::string getDescription() { return "TAP, one line for each test case"; }

    void assertionStarting(const Catch::AssertionInfo&) override {}

    bool assertionEnded(const Catch::AssertionStats& stats) override {
        const Catch::AssertionResult& result = stats.assertionResult;
        if (result.isOk()) return true;

        std::ostringstream text;
        text << result.getSourceInfo() << '\n' << result.getExpressionInMacro() << '\n';
        if (result.hasExpandedExpression()) text << result.getExpandedExpression() << '\n';
        for (const Catch::MessageInfo& message : stats.infoMessages)
            text << message.message << '\n';
        comment(text.str());
        return true;
    }

    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        ++count_;
        stream << (stats.totals.assertions.allOk() ? "ok " : "not ok ") << count_ << " - "
               << stats.testInfo.name << std::endl;
        StreamingReporterBase::testCaseEnded(stats);
    }

    void testRunEnded(const Catch::TestRunStats& stats) override {
        stream << "1.." << count_ << std::endl;
        StreamingReporterBase::testRunEnded(stats);
    }

private:
    void comment(const std::string& text) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) stream << "# " << line << '\n';
    }

    std::size_t count_ = 0;
};

CATCH_REGISTER_REPORTER("tap", TapReporter)

}  // namespace drawbridge::testing
