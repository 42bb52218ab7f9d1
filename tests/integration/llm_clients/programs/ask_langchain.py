"""LangChain: output parsers and `with_structured_output`."""

from __future__ import annotations

from typing import List, Optional  # noqa: UP035 - pydantic 1 reads them

import langchain_openai
from forms import KEY, MODEL, PROMPT, URL, MissingFormError, form, main
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser

try:
    from langchain_core.output_parsers import PydanticOutputParser
except ImportError:
    PydanticOutputParser = None
try:
    from langchain_core.pydantic_v1 import BaseModel, Field
except ImportError:
    from pydantic import BaseModel, Field
from langchain_core.prompts import ChatPromptTemplate


class Topic(BaseModel):
    """One topic."""

    title: str = Field(description="a few words")
    summary: str


class Recap(BaseModel):
    """What was said."""

    title: str = Field(description="a title")
    topics: List[Topic]  # noqa: UP006
    score: Optional[int] = None  # noqa: UP045


def model(**options):
    options = {"openai_api_base": URL, "openai_api_key": KEY, "max_retries": 0, **options}
    return langchain_openai.ChatOpenAI(model_name=MODEL, **options)


def structured(**options):
    bound = model()
    if not hasattr(bound, "with_structured_output"):
        raise MissingFormError
    try:
        return bound.with_structured_output(Recap, **options)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise MissingFormError from error


def parse(parser, role="system"):
    first = (role, "Follow this.\n{format_instructions}")
    template = ChatPromptTemplate.from_messages([first, ("user", "{text}")])
    instructions = parser.get_format_instructions()
    chain = template.partial(format_instructions=instructions) | model() | parser
    return chain.invoke({"text": PROMPT})


def pydantic_parser():
    if PydanticOutputParser is None:
        raise MissingFormError
    return PydanticOutputParser(pydantic_object=Recap)


@form
def text():
    messages = [SystemMessage(content="Be brief."), HumanMessage(content=PROMPT)]
    return (model() | StrOutputParser()).invoke(messages)


@form
def structured_default():
    return structured().invoke(PROMPT)


@form
def structured_function_calling():
    return structured(method="function_calling").invoke(PROMPT)


@form
def structured_function_calling_strict():
    return structured(method="function_calling", strict=True).invoke(PROMPT)


@form
def structured_json_schema():
    return structured(method="json_schema").invoke(PROMPT)


@form
def structured_json_mode():
    parser = JsonOutputParser(pydantic_object=Recap)
    prompt = f"{PROMPT}\nAnswer in JSON. {parser.get_format_instructions()}"
    return structured(method="json_mode").invoke(prompt)


@form
def structured_include_raw():
    return structured(include_raw=True).invoke(PROMPT)["parsed"]


@form
def structured_stream():
    *_, last = structured(method="function_calling").stream(PROMPT)
    return last


@form
def json_parser_without_schema():
    return parse(JsonOutputParser())


@form
def json_parser():
    return parse(JsonOutputParser(pydantic_object=Recap))


@form
def json_parser_after_text():
    parser = JsonOutputParser(pydantic_object=Recap)
    template = ChatPromptTemplate.from_template("{text}\n{format_instructions}\nGo.")
    chain = template.partial(format_instructions=parser.get_format_instructions())
    return (chain | model() | parser).invoke({"text": PROMPT})


@form
def pydantic_output_parser():
    return parse(pydantic_parser())


@form
def pydantic_output_parser_in_user_message():
    return parse(pydantic_parser(), role="user")


@form
def bound_tools():
    bound = model()
    if not hasattr(bound, "bind_tools"):
        raise MissingFormError
    try:
        bound = bound.bind_tools([Recap], tool_choice="any")
    except NotImplementedError as error:
        raise MissingFormError from error
    calls = bound.invoke(PROMPT).tool_calls
    return calls[0]["args"]


@form
def streaming_model():
    chain = model(streaming=True) | JsonOutputParser(pydantic_object=Recap)
    instructions = JsonOutputParser(pydantic_object=Recap).get_format_instructions()
    return chain.invoke(f"{PROMPT}\n{instructions}")


def responses(**options):
    if "use_responses_api" not in getattr(langchain_openai.ChatOpenAI, "model_fields", {}):
        raise MissingFormError
    return model(use_responses_api=True, **options)


@form
def responses_text():
    return responses().invoke(PROMPT).content


@form
def responses_structured():
    return responses().with_structured_output(Recap).invoke(PROMPT)


@form
def responses_function_calling():
    return responses().with_structured_output(Recap, method="function_calling").invoke(PROMPT)


@form
def responses_stream():
    return str([chunk.content for chunk in responses(streaming=True).stream(PROMPT)])


@form
def completion_model():
    options = {"openai_api_base": URL, "openai_api_key": KEY, "max_retries": 0}
    return langchain_openai.OpenAI(model_name="gpt-3.5-turbo-instruct", **options).invoke(PROMPT)


main()
