"""llama-index: programs, output parsers and structured models, on both of its OpenAI clients."""

from __future__ import annotations

from typing import List, Optional  # noqa: UP035 - pydantic 1 reads them

from forms import KEY, PROMPT, URL, MissingFormError, form, main
from llama_index.core import Settings
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms import ChatMessage
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program import LLMTextCompletionProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.llms.openai import OpenAI

try:
    from llama_index.core.program import FunctionCallingProgram
except ImportError:
    FunctionCallingProgram = None
try:
    from llama_index.llms.openai_like import OpenAILike
except ImportError:
    OpenAILike = None


MODEL = "gpt-4"  # known to every version
Settings.tokenizer = str.split  # the default one is downloaded


class Topic(BaseModel):
    """One topic."""

    title: str
    summary: str


class Recap(BaseModel):
    """What was said."""

    title: str
    topics: List[Topic]  # noqa: UP006
    score: Optional[int] = None  # noqa: UP045


def openai_model():
    return OpenAI(model=MODEL, api_base=URL, api_key=KEY, max_retries=0)


def like(**options):
    if OpenAILike is None:
        raise MissingFormError
    return OpenAILike(model="some/model", api_base=URL, api_key=KEY, max_retries=0, **options)


def program(llm, **options):
    return LLMTextCompletionProgram.from_defaults(
        output_parser=PydanticOutputParser(output_cls=Recap),
        prompt_template_str="Recap this.\n{text}",
        llm=llm,
        **options,
    )(text=PROMPT)


@form
def text():
    return openai_model().complete(PROMPT).text


@form
def text_completion_program():
    return program(openai_model())


@form
def text_completion_program_like_chat():
    return program(like(is_chat_model=True))


@form
def text_completion_program_like_completion():
    return program(like(is_chat_model=False))


@form
def function_program():
    if FunctionCallingProgram is None:
        raise MissingFormError
    return FunctionCallingProgram.from_defaults(
        output_cls=Recap, prompt_template_str="Recap: {text}", llm=openai_model()
    )(text=PROMPT)


@form
def function_program_parallel():
    if FunctionCallingProgram is None:
        raise MissingFormError
    return FunctionCallingProgram.from_defaults(
        output_cls=Recap,
        prompt_template_str="Recap: {text}",
        llm=openai_model(),
        allow_parallel_tool_calls=True,
    )(text=PROMPT)


@form
def structured_llm():
    llm = openai_model()
    if not hasattr(llm, "as_structured_llm"):
        raise MissingFormError
    return llm.as_structured_llm(Recap).complete(PROMPT).raw


@form
def structured_llm_like():
    llm = like(is_chat_model=True)
    if not hasattr(llm, "as_structured_llm"):
        raise MissingFormError
    return llm.as_structured_llm(Recap).complete(PROMPT).raw


@form
def structured_llm_like_with_tools():
    llm = like(is_chat_model=True, is_function_calling_model=True)
    if not hasattr(llm, "as_structured_llm"):
        raise MissingFormError
    return llm.as_structured_llm(Recap).complete(PROMPT).raw


@form
def structured_predict():
    llm = openai_model()
    if not hasattr(llm, "structured_predict"):
        raise MissingFormError
    return llm.structured_predict(Recap, PromptTemplate("Recap: {text}"), text=PROMPT)


@form
def two_steps():
    """As a fleet does: first a text, then the same text as JSON."""
    llm = like(is_chat_model=True)
    first = TreeSummarize(llm=llm, verbose=False).get_response(
        "Recap the meeting, the answer as text.", [PROMPT]
    )
    prompt = PydanticOutputParser(output_cls=Recap).format(f"Recap as JSON:\n{first}\n{PROMPT}")
    answer = llm.chat([ChatMessage(role="user", content=prompt)])
    return PydanticOutputParser(output_cls=Recap).parse(answer.message.content)


@form
def tree_summarize_structured():
    return TreeSummarize(llm=openai_model(), output_cls=Recap).get_response("Recap.", [PROMPT])


@form
def stream_chat():
    *_, last = openai_model().stream_chat([ChatMessage(role="user", content=PROMPT)])
    return last.message.content


main()
