"""instructor: structured answers, three at once, and one that joins them. Nobody leads."""

import asyncio

import anthropic
import instructor
import spans
from pydantic import BaseModel

if spans.on():
    from openinference.instrumentation.instructor import InstructorInstrumentor

    InstructorInstrumentor().instrument(tracer_provider=spans.provider())

client = instructor.from_anthropic(anthropic.AsyncAnthropic())


class Part(BaseModel):
    """A part of the study."""

    title: str


async def ask(system: str, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    part = await client.chat.completions.create(
        model="claude-sonnet-5", max_tokens=500, system=system, messages=messages, response_model=Part
    )
    return part.title


async def write(topic: str) -> str:
    return await ask("You write.", f"Write of {topic}.")


async def merge(parts: list[str]) -> str:
    return await ask("You edit.", "\n".join(parts))


async def main() -> None:
    print(await merge(await asyncio.gather(*map(write, ("copper", "steam", "tea")))))


asyncio.run(main())
