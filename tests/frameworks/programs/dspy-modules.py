"""DSPy over litellm: two modules, one after the other, and no tools."""

import dspy
import spans

if spans.on():
    from openinference.instrumentation.dspy import DSPyInstrumentor

    DSPyInstrumentor().instrument(tracer_provider=spans.provider())


class Study(dspy.Module):
    """Outlines a topic, then writes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.outline = dspy.Predict(dspy.Signature("topic -> outline", "You plan."))
        self.write = dspy.Predict(dspy.Signature("outline -> article", "You write."))

    def forward(self, topic: str) -> dspy.Prediction:
        """Write of the topic."""
        return self.write(outline=self.outline(topic=topic).outline)


dspy.configure(lm=dspy.LM("anthropic/claude-sonnet-5", cache=False), adapter=dspy.ChatAdapter())
print(Study()(topic="kettles").article)
